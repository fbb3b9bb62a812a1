// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ImageStore
import Linux
import OCIImageSpec
import TestSupport
import Testing

/// What registries keep beside images: files, to be mounted where images are.
@Suite(.requiresRoot) struct ArtifactTests {
    static let configType = "application/vnd.example.model+json"
    let lab: StoreLab

    init() throws {
        lab = try StoreLab()
        try lab.layout.add(
            [
                .init(file: Array("weights".utf8), title: "model/weights.bin"),
                .init(file: [UInt8](repeating: 7, count: 100_000), title: "large"),
                .init(file: [], title: nil), .init(file: Array("# text".utf8), title: "model/README.md"),
            ], tag: "a", configType: Self.configType)
        // The same configuration, and one of the files under another name.
        try lab.layout.add(
            [
                .init(file: Array("weights".utf8), title: "model/weights.bin"),
                .init(file: Array("# text".utf8), title: "other"), StoreLab.layer("x", "1"), StoreLab.layer("y", "1"),
            ], tag: "b", configType: Self.configType)
    }

    private func pull(_ tag: String, _ store: ImageStore, keepsBlobs: Bool = false) async throws -> Image {
        try await store.pull(
            Reference(parsing: "app:\(tag)"), from: lab.source(tag), platform: StoreLab.platform, keepsBlobs: keepsBlobs
        )
    }

    @Test(arguments: LayerFormatTests.formats) func filesAreMountedByTheirNames(format: LayerFormats) async throws {
        let store = try ImageStore(root: lab.root, run: lab.run, format: format)
        let artifact = try await pull("a", store)
        #expect(artifact.id == artifact.manifest)
        #expect(artifact.artifactType?.rawValue == Self.configType)
        #expect(artifact.layers.count == 4)
        let root = try store.mountRootfs(container: "c", image: artifact.id, readonly: true)
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        #expect(try Set(Syscall.entries(root)) == ["model", "large", empty])
        #expect(try Set(Syscall.entries("\(root)/model")) == ["weights.bin", "README.md"])
        #expect(try Syscall.readText("\(root)/model/weights.bin") == "weights")
        #expect(try Syscall.readFile("\(root)/large") == [UInt8](repeating: 7, count: 100_000))
        #expect(try Syscall.status("\(root)/\(empty)").size == 0)
        #expect(try Syscall.status("\(root)/large").permissions == 0o644)
        #expect(try Syscall.status(root).permissions == 0o755)
        try store.removeRootfs(container: "c")
        let part = try store.mountImage(artifact.id, subPath: "model/README.md", as: "v")
        #expect(try Syscall.readText(part) == "# text")
        try store.unmountImage("v")
        #expect(try store.check().damage.isEmpty)
        try store.remove(artifact.id)
        #expect(try lab.isEmpty())
    }

    @Test func artifactsWithOneConfigurationAreDifferent() async throws {
        let store = try lab.open()
        let first = try await pull("a", store)
        let source = WatchedSource(try lab.source("b"))
        let second = try await store.pull(Reference(parsing: "app:b"), from: source, platform: StoreLab.platform)
        #expect(first.id != second.id)
        #expect(try store.images().map(\.id) == [first.id, second.id])
        #expect(try store.image("app:a")?.id == first.id)
        #expect(try store.image(second.id.hex)?.artifactType?.rawValue == Self.configType)
        // The file that both have under one name is there once: all other blobs, and the configuration.
        #expect(first.layers[0] == second.layers[0])
        #expect(source.blobs.count == 4)
        // A layer of an image is a file like any other, not unpacked.
        let target = "\(lab.folder.path)/copy"
        try store.copy(second, to: target)
        #expect(try Syscall.entries(target).count == 4)
        try store.remove(first.id)
        #expect(try store.image(second.id.hex)?.id == second.id)
        #expect(try store.check().damage.isEmpty)
    }

    @Test func aDamagedFileOrManifestIsFetchedAgain() async throws {
        let store = try lab.open()
        let artifact = try await pull("a", store)
        try AtomicFile.write("\(lab.root)/layers/sha256/\(artifact.layers[1].hex)/large", "spoilt")
        try AtomicFile.write("\(lab.root)/content/sha256/\(artifact.id.hex)", "spoilt")
        #expect(try store.check().damage.count == 2)
        #expect(try store.image("app:a") == nil)
        let source = WatchedSource(try lab.source("a"))
        let again = try await store.pull(Reference(parsing: "app:a"), from: source, platform: StoreLab.platform)
        #expect(again.id == artifact.id)
        #expect(source.blobs.count == 2)
        #expect(try store.check().damage.isEmpty)
    }

    @Test func keptBlobsComeBackAsTheyWere() async throws {
        let store = try lab.open()
        let artifact = try await pull("a", store, keepsBlobs: true)
        let layout = try LayoutDestination(directory: "\(lab.folder.path)/out")
        let copy = ImageCopy(
            from: StoreSource(store, artifact), to: layout, platform: StoreLab.platform, name: "app")
        #expect(try await copy.run(.digest(artifact.manifest), as: ["x"]).digest == artifact.manifest)
        let back = try LayoutSource(directory: "\(lab.folder.path)/out", tag: "x")
        let image = try await ImageResolution(.tag("x"), of: back, for: StoreLab.platform, name: "app")
        try await image.unpack(from: back, to: "\(lab.folder.path)/files")
        #expect(try Syscall.readText("\(lab.folder.path)/files/model/weights.bin") == "weights")
    }
}
