// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import OCIImageSpec
import TestSupport
import Testing

@testable import ImageStore

/// What was damaged behind the store's back is found, hidden, and alone fetched again.
@Suite(.requiresRoot) struct DamageTests {
    let lab: StoreLab

    init() throws { lab = try StoreLab() }

    struct Harm: Sendable, CustomTestStringConvertible {
        var title: String
        /// Changes the directory of the layer, which has `file`, `other` and the link `alias` to `file`.
        var inflict: @Sendable (String) throws -> Void
        var testDescription: String { title }
    }

    static let harms: [Harm] = [
        Harm(title: "one byte, with the times put back") { layer in
            let status = try Syscall.status("\(layer)/file")
            try Syscall.writeExisting("\(layer)/file", "X")
            let directory = try Syscall.open(layer, [.directory])
            try Syscall.setTimes(RawName("file"), modified: status.modified, at: directory.rawValue)
        },
        Harm(title: "a file that is gone") { try Syscall.removeFile("\($0)/other") },
        Harm(title: "a file too many") { try AtomicFile.write("\($0)/new", "") },
        Harm(title: "another mode") { try Syscall.changeMode("\($0)/file", 0o4755) },
        Harm(title: "another owner") { try Syscall.changeOwner("\($0)/other", uid: 7, gid: 0) },
        Harm(title: "an attribute") { layer in
            let directory = try Syscall.open(layer, [.directory])
            try Syscall.setAttribute(RawName("file"), RawName("user.x"), [1], at: directory.rawValue)
        },
        Harm(title: "a link that became a copy") { layer in
            try Syscall.removeFile("\(layer)/alias")
            try AtomicFile.write("\(layer)/alias", "content")
        },
        Harm(title: "all of it gone") { try Syscall.removeTree($0) },
    ]

    private func pull(_ store: ImageStore, from source: some BlobSource) async throws -> Image {
        try await store.pull(Reference(parsing: "example.org/app:1"), from: source, platform: StoreLab.platform)
    }

    @Test(arguments: harms) func damagedLayerAloneIsFetchedAgain(harm: Harm) async throws {
        var tar = TarBuilder()
        tar.add("file", content: Array("content".utf8))
        tar.add("alias", type: "1", link: "file")
        tar.add("other", content: [1, 2, 3])
        let layer = LayoutBuilder.Layer(tar)
        try lab.layout.add([StoreLab.layer("fine", "1"), layer])
        let store = try lab.open()
        let image = try await pull(store, from: lab.source())
        #expect(try store.check().damage.isEmpty)
        try harm.inflict(store.paths.layer(image.layers[1], format: store.format.name))
        let damage = try store.check().damage
        #expect(damage.map(\.digest) == [image.layers[1]])
        #expect(damage.first?.kind == .layer)
        // Hidden, so that it is pulled again, and not to be used meanwhile.
        #expect(try store.images().isEmpty)
        #expect(try store.image("example.org/app:1") == nil)
        #expect(throws: ImageStoreError.self) {
            try store.mountRootfs(container: "c", image: image.id, readonly: true)
        }
        try store.removeRootfs(container: "c")
        let source = WatchedSource(try lab.source())
        let report = try await store.repair(source: { _ in source })
        #expect(report.repaired == [image.id])
        // The configuration and one layer.
        #expect(source.blobs.count == 2)
        #expect(try store.check().damage.isEmpty)
        #expect(try store.images().map(\.id) == [image.id])
        let rootfs = try store.mountRootfs(container: "c", image: image.id, readonly: true)
        #expect(try Syscall.readText("\(rootfs)/alias") == "content")
        try store.removeRootfs(container: "c")
        _ = try store.collectGarbage(all: true)
        #expect(try lab.isEmpty() && lab.list("quarantine").isEmpty)
    }

    @Test(arguments: ["id", "manifest"]) func damagedDocumentIsFetchedAgain(which: String) async throws {
        try lab.layout.add([StoreLab.layer("a", "1")])
        let image = try await pull(try lab.open(), from: lab.source())
        let digest = which == "id" ? image.id : image.manifest
        let path = "\(lab.root)/content/sha256/\(digest.hex)"
        var bytes = try Syscall.readFile(path)
        bytes[bytes.count / 2] ^= 1
        try AtomicFile.write(path, bytes)
        // Another process, which has the document not in memory.
        let store = try lab.open()
        #expect(try store.check().damage.map(\.digest) == [digest])
        #expect(try store.images().isEmpty)
        let source = WatchedSource(try lab.source())
        #expect(try await pull(store, from: source).id == image.id)
        #expect(source.blobs == [image.id])
        #expect(try lab.open().images().map(\.id) == [image.id])
    }

    @Test func openingFindsWhatIsMissing() async throws {
        try lab.layout.add([StoreLab.layer("a", "1")])
        let image = try await pull(try lab.open(), from: lab.source())
        try Syscall.removeTree("\(lab.root)/layers/sha256/\(image.layers[0].hex)")
        let store = try lab.open()
        #expect(try store.images().isEmpty)
        #expect(try store.imageID("example.org/app:1") == image.id)
        _ = try await pull(store, from: lab.source())
        #expect(try store.images().map(\.id) == [image.id])
    }

    @Test func aLogWithoutItsDatabaseIsNobodys() async throws {
        try lab.layout.add([StoreLab.layer("a", "1")])
        let store = try lab.open()
        _ = try await pull(store, from: lab.source())
        let other = "\(lab.folder.path)/other"
        try Syscall.makeDirectory(other)
        try AtomicFile.write("\(other)/skiff.db-wal", Syscall.readFile("\(lab.root)/skiff.db-wal"))
        let new = try ImageStore(root: other, run: lab.run, format: .directory)
        #expect(try new.images().isEmpty && new.check().layers == 0)
        #expect(try store.images().count == 1)
    }

    /// Others may remove an image and fetch it again while it is checked: what was found of the old one is not true of the
    /// new one.
    @Test func whatWasFetchedAgainMeanwhileStays() async throws {
        try lab.layout.add([StoreLab.layer("a", "1")])
        let store = try lab.open()
        let image = try await pull(store, from: lab.source())
        let path = store.paths.layer(image.layers[0], format: store.format.name)
        let before = Finding(damage: .layer(image.layers[0], "it is damaged"), file: DiskFile(path))
        let missing = Finding(damage: .content(image.id, "it is missing"), file: nil)
        try store.remove(image.id)
        _ = try await pull(store, from: lab.source())
        #expect(try store.quarantine([before, missing]).isEmpty)
        #expect(try store.images().map(\.id) == [image.id])
        let now = Finding(damage: .layer(image.layers[0], "it is damaged"), file: DiskFile(path))
        #expect(try store.quarantine([now]).count == 1)
    }

    @Test func whatCannotBeRepairedSaysWhy() async throws {
        try lab.layout.add([StoreLab.layer("a", "1")])
        let store = try lab.open()
        let image = try await store.pull(
            Reference(parsing: "localhost/app:1"), from: lab.source(), platform: StoreLab.platform)
        try Syscall.removeTree("\(lab.root)/layers/sha256/\(image.layers[0].hex)")
        #expect(try store.check(quick: true).damage.count == 1)
        let source = try lab.source()
        let report = try await store.repair(source: { _ in source })
        #expect(report.repaired.isEmpty)
        #expect(report.failed.first?.reason.contains("came from no registry") == true)
    }
}
