// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ImageStore
import Linux
import OCIImageSpec
import Testing
import TestSupport

/// Root file systems of containers, and what outlives a process that dies.
@Suite(.requiresRoot) struct RootfsTests {
    let lab: StoreLab

    init() throws { lab = try StoreLab() }

    /// A file of each layer, one deleted, one directory emptied, a layer that comes twice.
    private func pull(_ store: ImageStore) async throws -> Image {
        var base = TarBuilder()
        base.add("./", type: "5", mode: 0o711, uid: 3)
        base.add("gone", content: [1])
        base.add("kept", content: Array("base".utf8))
        base.add("dir/old", content: [1])
        var top = TarBuilder()
        top.add("./", type: "5", mode: 0o750, uid: 4)
        top.add(".wh.gone")
        top.add("dir/", type: "5", mode: 0o755)
        top.add("dir/.wh..wh..opq")
        top.add("dir/new", content: [1])
        let twice = StoreLab.layer("twice", "1")
        try lab.layout.add([twice, LayoutBuilder.Layer(base), twice, LayoutBuilder.Layer(top)])
        return try await store.pull(Reference(parsing: "app"), from: lab.source(), platform: StoreLab.platform)
    }

    @Test func showsTheLayersOverEachOther() async throws {
        let store = try lab.open()
        let image = try await pull(store)
        let rootfs = try store.mountRootfs(container: "c1", image: image.id, readonly: false)
        #expect(rootfs == "\(lab.run)/containers/c1/rootfs")
        #expect(try Set(Syscall.entries(rootfs)) == ["kept", "dir", "twice"])
        #expect(try Syscall.entries("\(rootfs)/dir") == ["new"])
        #expect(try Syscall.status(rootfs).permissions == 0o750)
        #expect(try Syscall.status(rootfs).uid == 4)
        let copied = "\(lab.folder.path)/copy"
        try store.copy(image, to: copied)
        #expect(try Set(Syscall.entries(copied)) == ["kept", "dir", "twice"])
        try store.removeRootfs(container: "c1")
    }

    @Test func keepsWhatTheContainerWroteUntilRemoved() async throws {
        let store = try lab.open()
        let image = try await pull(store)
        let rootfs = try store.mountRootfs(container: "c1", image: image.id, readonly: false)
        try AtomicFile.write("\(rootfs)/mine", "written")
        // Repeated, it is the same mount.
        #expect(try store.mountRootfs(container: "c1", image: image.id, readonly: false) == rootfs)
        try store.unmountRootfs(container: "c1")
        try store.unmountRootfs(container: "c1")
        #expect(!Syscall.exists(rootfs))
        // As after a reboot, by another process.
        let later = try lab.open()
        #expect(try later.mountRootfs(container: "c1", image: image.id, readonly: false) == rootfs)
        #expect(try Syscall.readText("\(rootfs)/mine") == "written")
        #expect(try later.rootfsContainers() == ["c1"])
        let error = try #require(throws: ImageStoreError.self) { try later.remove(image.id) }
        #expect(error.code == .inUse)
        #expect(error.description.contains("c1"))
        try later.removeRootfs(container: "c1")
        try later.removeRootfs(container: "c1")
        try later.remove(image.id)
        #expect(try lab.isEmpty())
        #expect(try MountInfo.read().allSatisfy { !$0.mountPoint.hasPrefix(lab.folder.path) })
    }

    @Test func readOnlyRootfsCannotBeWritten() async throws {
        try lab.layout.add([StoreLab.layer("only", "1")])
        let store = try lab.open()
        let image = try await store.pull(Reference(parsing: "app"), from: lab.source(), platform: StoreLab.platform)
        let rootfs = try store.mountRootfs(container: "c1", image: image.id, readonly: true)
        #expect(try Syscall.entries(rootfs) == ["only"])
        #expect(throws: Errno.EROFS) { try Syscall.makeDirectory("\(rootfs)/x") }
        try store.removeRootfs(container: "c1")
        #expect(try lab.list("containers").isEmpty)
    }

    @Test(arguments: ["", "..", "a/b"]) func refusesIdsThatAreNoNames(id: String) async throws {
        let store = try lab.open()
        let image = try await pull(store)
        #expect(throws: ImageStoreError.self) { try store.mountRootfs(container: id, image: image.id, readonly: false) }
    }

    @Test func longRootsAreMounted() async throws {
        let long = "\(lab.folder.path)/" + (0..<5).map { _ in String(repeating: "x", count: 50) }.joined(separator: "/")
        try lab.layout.add([StoreLab.layer("a", "1"), StoreLab.layer("b", "1")])
        let store = try ImageStore(root: "\(long)/root", run: lab.run)
        let image = try await store.pull(Reference(parsing: "app"), from: lab.source(), platform: StoreLab.platform)
        let rootfs = try store.mountRootfs(container: "c1", image: image.id, readonly: false)
        #expect(try Set(Syscall.entries(rootfs)) == ["a", "b"])
        try store.removeRootfs(container: "c1")
    }

    @Test func openingRemovesWhatTheDeadLeft() async throws {
        let store = try lab.open()
        let image = try await pull(store)
        let layers = try lab.list("layers/sha256")
        #expect(layers.count == 3)
        let stray = String(repeating: "f", count: 64)
        for path in ["staging/dead/half/layer", "layers/sha256/\(stray)/dir", "trash/old/dir"] {
            try Syscall.makeDirectories("\(lab.root)/\(path)")
        }
        try AtomicFile.write("\(lab.root)/staging/dead/lock", "")
        try AtomicFile.write("\(lab.root)/content/sha256/\(stray)", "{}")
        let reopened = try lab.open()
        #expect(try lab.list("staging").isEmpty)
        #expect(try lab.list("trash").isEmpty)
        #expect(try lab.list("layers/sha256") == layers)
        #expect(try lab.list("content/sha256") == [image.id.hex, image.manifest.hex].sorted())
        #expect(try reopened.images().map(\.id) == [image.id])
    }

    @Test func openingLeavesLivePullsAlone() async throws {
        try lab.layout.add([StoreLab.layer("a", "1")])
        let store = try lab.open()
        let source = WatchedSource(try lab.source(), held: true)
        let pull = Task { try await store.pull(Reference(parsing: "app"), from: source, platform: StoreLab.platform) }
        // The layer and the documents.
        try await soon("both are staged") { try source.blobs.count == 2 && lab.list("staging").count == 2 }
        _ = try lab.open()
        #expect(try lab.list("staging").count == 2)
        source.letGo()
        let image = try await pull.value
        #expect(try lab.open().images().map(\.id) == [image.id])
    }

    /// Several stores on one directory, as several processes have them.
    @Test func pullsAndRemovalsOfSeveralProcessesDoNotHarmEachOther() async throws {
        try lab.layout.add([StoreLab.layer("shared", "1"), StoreLab.layer("one", "1")], tag: "1")
        try lab.layout.add([StoreLab.layer("shared", "1"), StoreLab.layer("two", "1")], tag: "2")
        let stores = [try lab.open(), try lab.open()]
        let sources = [try lab.source("1"), try lab.source("2")]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, (store, source)) in zip(stores, sources).enumerated() {
                group.addTask {
                    for _ in 0..<10 {
                        let image = try await store.pull(
                            Reference(parsing: "app:\(number)"), from: source, platform: StoreLab.platform)
                        let rootfs = try store.mountRootfs(container: "c\(number)", image: image.id, readonly: false)
                        #expect(try Syscall.readText("\(rootfs)/shared") == "1")
                        try store.removeRootfs(container: "c\(number)")
                        try store.remove(image.id)
                    }
                }
            }
            try await group.waitForAll()
        }
        for name in ["layers/sha256", "content/sha256", "staging", "trash", "containers"] {
            #expect(try lab.list(name) == [], "\(name)")
        }
    }
}
