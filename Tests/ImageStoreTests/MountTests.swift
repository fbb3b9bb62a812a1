// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ImageStore
import Linux
import OCIImageSpec
import TestSupport
import Testing

/// Root file systems with all that overlayfs can do, and images as volumes.
@Suite(.requiresRoot) struct MountTests {
    let lab: StoreLab

    init() throws { lab = try StoreLab() }

    private func pull(_ store: ImageStore, _ layers: [LayoutBuilder.Layer]) async throws -> Image {
        var layout = lab.layout
        try layout.add(layers)
        return try await store.pull(Reference(parsing: "app"), from: lab.source(), platform: StoreLab.platform)
    }

    @Test func manyLayersAreNoProblem() async throws {
        let store = try lab.open()
        let image = try await pull(
            store,
            (0..<230).map { number in
                var tar = TarBuilder()
                tar.add("last", content: Array("\(number)".utf8))
                tar.add("f\(number)", content: [1])
                return LayoutBuilder.Layer(tar, compression: nil, mediaType: "application/vnd.oci.image.layer.v1.tar")
            })
        let rootfs = try store.mountRootfs(container: "c", image: image.id, readonly: false)
        #expect(try Syscall.readText("\(rootfs)/last") == "229")
        #expect(try Syscall.entries(rootfs).count == 231)
        try store.removeRootfs(container: "c")
    }

    @Test func imageWithoutLayersHasAnEmptyRootfs() async throws {
        let store = try lab.open()
        let image = try await pull(store, [])
        for readonly in [true, false] {
            let rootfs = try store.mountRootfs(container: "c\(readonly)", image: image.id, readonly: readonly)
            #expect(try Syscall.entries(rootfs).isEmpty)
            try store.removeRootfs(container: "c\(readonly)")
        }
        #expect(try lab.list("containers").isEmpty)
    }

    /// A process in a user namespace where root is 100000.
    private func withUserNamespace(_ body: (String) throws -> Void) throws {
        let unshare = try #require(ChildPlan.find("unshare", path: "/usr/bin:/bin"))
        var output = try Pipe(nonblocking: false)
        guard let writer = output.takeWriter(), let reader = output.takeReader() else { throw Errno.EBADF }
        let child = try ChildProcess(
            ChildPlan(
                unshare, ["unshare", "--user", "/bin/sh", "-c", "echo; exec sleep 600"],
                descriptors: [nil, writer.rawValue]))
        try writer.close()
        _ = try reader.read(upTo: 1)
        for file in ["uid_map", "gid_map"] {
            try Syscall.writeExisting("/proc/\(child.pid)/\(file)", "0 100000 65536")
        }
        defer {
            try? Syscall.kill(child.pid, .kill)
            _ = try? child.wait()
        }
        try body("/proc/\(child.pid)/ns/user")
    }

    @Test func layersAreShiftedForAUserNamespace() async throws {
        var tar = TarBuilder()
        tar.add("./", type: "5", mode: 0o755)
        tar.add("root", content: [1])
        tar.add("user", content: [1], uid: 7, gid: 9)
        let store = try lab.open()
        let image = try await pull(store, [LayoutBuilder.Layer(tar), StoreLab.layer("top", "1")])
        try withUserNamespace { namespace in
            let options = RootfsOptions(userNamespace: namespace)
            let rootfs = try store.mountRootfs(container: "c", image: image.id, options: options)
            #expect(try Syscall.status("\(rootfs)/root").uid == 100_000)
            #expect(try Syscall.status("\(rootfs)/user").uid == 100_007)
            #expect(try Syscall.status("\(rootfs)/user").gid == 100_009)
            #expect(try Syscall.status(rootfs).uid == 100_000)
            // Copied up, it keeps its owner.
            try Syscall.changeMode("\(rootfs)/user", 0o600)
            #expect(try Syscall.status("\(lab.root)/containers/c/upper/user").uid == 100_007)
            try store.removeRootfs(container: "c")
        }
        // The layer itself is as it was, and no mount is left.
        #expect(try Syscall.status("\(lab.root)/layers/sha256/\(image.layers[0].hex)/user").uid == 7)
        #expect(try MountInfo.read().allSatisfy { !$0.mountPoint.hasPrefix(lab.folder.path) })
    }

    @Test func volatileUpperSurvivesUntilTheMachineDoesNot() async throws {
        var settings = StoreSettings(root: lab.root, run: lab.run)
        settings.isVolatile = true
        let store = try ImageStore(settings)
        let image = try await pull(store, [StoreLab.layer("a", "1")])
        let rootfs = try store.mountRootfs(container: "c", image: image.id, readonly: false)
        let mount = try #require(MountInfo.read().first { $0.mountPoint == rootfs })
        // Kernels since 6.18 write it so.
        #expect(!mount.superOptions.filter { ["volatile", "fsync=volatile"].contains($0) }.isEmpty)
        try AtomicFile.write("\(rootfs)/mine", "1")
        try store.unmountRootfs(container: "c")
        _ = try store.mountRootfs(container: "c", image: image.id, readonly: false)
        #expect(Syscall.exists("\(rootfs)/mine"))
        try store.removeRootfs(container: "c")
    }

    /// A change of the mode copies no content into the container's own layer.
    @Test(arguments: LayerFormatTests.formats) func attributesAloneAreCopiedUp(format: LayerFormats) async throws {
        let content = [UInt8](repeating: 7, count: 1 << 20)
        var tar = TarBuilder()
        tar.add("large", content: content)
        let store = try ImageStore(root: lab.root, run: lab.run, format: format)
        let image = try await pull(store, [LayoutBuilder.Layer(tar)])
        let rootfs = try store.mountRootfs(container: "c", image: image.id, readonly: false)
        try Syscall.changeMode("\(rootfs)/large", 0o600)
        let upper = "\(lab.root)/containers/c/upper/large"
        #expect(try Syscall.linkStatus(upper).permissions == 0o600)
        #expect(try Syscall.linkStatus(upper).blocks * 512 < 1 << 16)
        #expect(try Syscall.attributeNames(upper).contains("trusted.overlay.metacopy"))
        #expect(try Syscall.readFile("\(rootfs)/large") == content)
        try store.removeRootfs(container: "c")
    }

    private func volumeImage(_ store: ImageStore) async throws -> Image {
        var tar = TarBuilder()
        tar.add("data/", type: "5", mode: 0o755)
        tar.add("data/file", content: Array("content".utf8))
        tar.add("inside", type: "2", link: "/data")
        tar.add("outside", type: "2", link: "../../../../etc")
        tar.add("loop", type: "2", link: "loop")
        return try await pull(store, [LayoutBuilder.Layer(tar)])
    }

    @Test(arguments: ["data", "/data/", "inside", "data/../inside", "./data"])
    func partOfAnImageIsMounted(subPath: String) async throws {
        let store = try lab.open()
        let image = try await volumeImage(store)
        let path = try store.mountImage(image.id, subPath: subPath, as: "v")
        #expect(try Syscall.entries(path) == ["file"])
        #expect(try store.mountImage(image.id, subPath: subPath, as: "v") == path)
        #expect(throws: Errno.EROFS) { try Syscall.makeDirectory("\(path)/x") }
        #expect(try store.imageMounts().map(\.path) == [path])
        let error = try #require(throws: ImageStoreError.self) { try store.remove(image.id) }
        #expect(error.code == .inUse)
        #expect(throws: ImageStoreError.self) { try store.mountImage(image.id, subPath: "other", as: "v") }
        try store.unmountImage("v")
        try store.unmountImage("v")
        try store.remove(image.id)
        #expect(try lab.isEmpty())
        #expect(try MountInfo.read().allSatisfy { !$0.mountPoint.hasPrefix(lab.folder.path) })
    }

    @Test func fileOrAllOfAnImageIsMounted() async throws {
        let store = try lab.open()
        let image = try await volumeImage(store)
        #expect(try Syscall.readText(store.mountImage(image.id, subPath: "inside/file", as: "file")) == "content")
        let all = try store.mountImage(image.id, as: "all")
        #expect(try Set(Syscall.entries(all)) == ["data", "inside", "outside", "loop"])
        for id in ["file", "all"] { try store.unmountImage(id) }
    }

    @Test(arguments: ["missing", "outside", "outside/passwd", "loop", "data/file/x", "../etc"])
    func whatIsNotInTheImageIsNotMounted(subPath: String) async throws {
        let store = try lab.open()
        let image = try await volumeImage(store)
        let error = try #require(throws: ImageStoreError.self) {
            try store.mountImage(image.id, subPath: subPath, as: "v")
        }
        #expect(error.code == .notFound, "\(error)")
        #expect(try store.imageMounts().isEmpty)
        try store.remove(image.id)
        #expect(try MountInfo.read().allSatisfy { !$0.mountPoint.hasPrefix(lab.folder.path) })
    }

    @Test func differencesBetweenImages() async throws {
        var base = TarBuilder()
        base.add("same", content: [1])
        base.add("content", content: [1])
        base.add("mode", content: [1])
        base.add("gone/file", content: [1])
        var top = TarBuilder()
        // The times are the same as in the layer below, as reproducible builds have them.
        top.add("content", content: [2])
        top.add("mode", content: [1], mode: 0o600)
        top.add(".wh.gone")
        top.add("new/", type: "5", mode: 0o755)
        top.add("new/file", content: [1])
        let store = try lab.open()
        let image = try await pull(store, [LayoutBuilder.Layer(base), LayoutBuilder.Layer(top)])
        let lines = try store.diff(image).map { "\($0.kind.rawValue) \($0.path)" }
        #expect(lines == ["C /content", "D /gone", "C /mode", "A /new", "A /new/file"])
        #expect(try store.diff(image, from: image).isEmpty)
        #expect(try lab.list("staging").isEmpty)
        try store.remove(image.id)
    }
}
