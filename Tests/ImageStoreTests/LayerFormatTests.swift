// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import OCIImageSpec
import Testing
import TestSupport

@testable import ImageStore

/// The same images in every format that this kernel mounts, and in several at once.
@Suite(.requiresRoot) struct LayerFormatTests {
    let lab: StoreLab

    init() throws { lab = try StoreLab() }

    static let formats: [LayerFormats] = {
        let known = (try? Syscall.readText("/proc/filesystems")) ?? ""
        return known.contains("\terofs\n") ? LayerFormats.allCases : [.directory]
    }()

    private func open(_ format: LayerFormats) throws -> ImageStore {
        try ImageStore(root: lab.root, run: lab.run, format: format)
    }

    private func pull(_ tag: String, _ store: ImageStore) async throws -> Image {
        try await store.pull(
            Reference(parsing: "app:\(tag)"), from: lab.source(tag), platform: StoreLab.platform)
    }

    /// A base, and a layer that deletes, hides, replaces, implies, and links to what is below.
    private func addImages() throws {
        var base = TarBuilder()
        base.add("./", type: "5", mode: 0o711, uid: 3)
        base.add("etc/", type: "5", mode: 0o700, gid: 7)
        base.add("etc/passwd", content: Array("root".utf8), mode: 0o640)
        base.add("gone", content: [1])
        base.add("hidden/old", content: [1])
        base.add("kind", content: [1])
        base.add("usr/lib/", type: "5", mode: 0o755)
        base.add("lib", type: "2", link: "usr/lib")
        var top = TarBuilder()
        top.add(".wh.gone")
        top.add("hidden/", type: "5", mode: 0o755)
        top.add("hidden/.wh..wh..opq")
        top.add("hidden/new", content: [1])
        top.add("kind/", type: "5", mode: 0o755)
        top.add("etc/shadow", content: [1])
        top.add("copy", type: "1", link: "etc/passwd")
        top.add("lib/module", content: [1])
        try lab.layout.add([LayoutBuilder.Layer(base)], tag: "base")
        try lab.layout.add([LayoutBuilder.Layer(base), LayoutBuilder.Layer(top)], tag: "top")
    }

    private func check(_ root: String) throws {
        #expect(try Set(Syscall.entries(root)) == ["etc", "hidden", "kind", "usr", "lib", "copy"])
        #expect(try Syscall.entries("\(root)/hidden") == ["new"])
        #expect(try Syscall.status("\(root)/kind").isDirectory)
        #expect(try Set(Syscall.entries("\(root)/etc")) == ["passwd", "shadow"])
        #expect(try Syscall.status("\(root)/etc").permissions == 0o700)
        #expect(try Syscall.status("\(root)/etc").gid == 7)
        #expect(try Syscall.status(root).permissions == 0o711)
        #expect(try Syscall.status(root).uid == 3)
        #expect(try Syscall.readText("\(root)/copy") == "root")
        #expect(try Syscall.entries("\(root)/usr/lib") == ["module"])
        #expect(try Syscall.linkStatus("\(root)/lib").isSymlink)
    }

    /// The layers below in one format, that above in another; both again when nothing is there yet.
    @Test(arguments: formats, formats)
    func imagesLookAlikeInEveryFormat(below: LayerFormats, above: LayerFormats) async throws {
        try addImages()
        _ = try await pull("base", open(below))
        let store = try open(above)
        let image = try await pull("top", store)
        for readonly in [true, false] {
            let root = try store.mountRootfs(container: "c-\(readonly)", image: image.id, readonly: readonly)
            try check(root)
            if !readonly { try AtomicFile.write("\(root)/etc/passwd", "changed") }
            try store.removeRootfs(container: "c-\(readonly)")
        }
        let copied = "\(lab.folder.path)/copy"
        try store.copy(image, to: copied)
        try check(copied)
        for image in try store.images() { try store.remove(image.id) }
        #expect(try lab.isEmpty())
        #expect(try MountInfo.read().allSatisfy { !$0.mountPoint.hasPrefix(lab.folder.path) })
    }

    @Test func filesOfLayersAreExactlyAccountedAndSoundInTheEyesOfOthers() async throws {
        guard Self.formats.contains(.erofs) else { return }
        try addImages()
        let store = try open(.erofs)
        let image = try await pull("top", store)
        var bytes: UInt64 = 0
        let files = try lab.list("layers/sha256")
        #expect(files.count == image.layers.count)
        for file in files {
            let path = "\(lab.root)/layers/sha256/\(file)"
            try Command.run(["/usr/bin/fsck.erofs", path])
            bytes += try Syscall.status(path).size
        }
        #expect(image.size == bytes)
        // The others are the manifest and the configuration.
        #expect(try store.usage().inodes == 4)
        #expect(try store.check().damage.isEmpty)
    }

    /// The files of a tmpfs cannot be mounted by themselves: each layer gets a loop device for as long as it is used.
    @Test func filesAreMountedThroughLoopDevicesWhereTheyMust() async throws {
        guard Self.formats.contains(.erofs) else { return }
        try addImages()
        let disk = "\(lab.folder.path)/disk"
        try Syscall.makeDirectory(disk)
        try Syscall.mount(source: "disk", target: disk, type: "tmpfs", data: "size=64m")
        func devices() throws -> [String] {
            try Syscall.entries("/sys/block").filter { name in
                let path = try? Syscall.readText("/sys/block/\(name)/loop/backing_file")
                return path?.hasPrefix(disk) == true
            }
        }
        var settings = StoreSettings(root: lab.root, run: lab.run, images: "\(disk)/images")
        // What is found to be best here is not EROFS.
        #expect(try ImageStore(settings).format.name == "directory")
        settings.format = .erofs
        let store = try ImageStore(settings)
        let image = try await pull("top", store)
        for readonly in [true, false] {
            let root = try store.mountRootfs(container: "c", image: image.id, readonly: readonly)
            try check(root)
            #expect(try devices().count == 2)
            try store.removeRootfs(container: "c")
            // The device goes with its last user, which the kernel may let go a moment later.
            try await soon("the devices are free") { try devices().isEmpty }
        }
        #expect(try store.check().damage.isEmpty)
        try store.remove(image.id)
    }

    /// A mount has no place, and is held by the overlay alone.
    @Test(arguments: formats) func manyLayersAreMountedAtOnce(format: LayerFormats) async throws {
        let layers = (0..<130).map { StoreLab.layer("file-\($0)", "\($0)") }
        try lab.layout.add(layers, tag: "many")
        let store = try open(format)
        let image = try await pull("many", store)
        let root = try store.mountRootfs(container: "c", image: image.id, readonly: false)
        #expect(try Syscall.entries(root).count == 130)
        #expect(try Syscall.readText("\(root)/file-77") == "77")
        #expect(try MountInfo.read().filter { $0.mountPoint.hasPrefix(lab.folder.path) }.count == 1)
        try store.removeRootfs(container: "c")
        try store.remove(image.id)
        #expect(try lab.isEmpty())
    }

    /// What a failure had written is removed, whatever its form.
    @Test(arguments: formats) func nothingIsLeftOfAHostileLayer(format: LayerFormats) async throws {
        var tar = TarBuilder()
        tar.add("fine", content: Array(repeating: 1, count: 100_000))
        tar.add("../victim", content: [1])
        try lab.layout.add([LayoutBuilder.Layer(tar)], tag: "bad")
        let store = try open(format)
        let error = try await #require(throws: ImageStoreError.self) { try await pull("bad", store) }
        #expect(error.code == .corruptLayer)
        #expect(try lab.isEmpty())
    }
}
