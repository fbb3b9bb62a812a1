// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ImageStore
import Linux
import OCIImageSpec
import TestSupport
import Testing

/// One layer in images that have other layers below it.
@Suite(.requiresRoot) struct ChainTests {
    let lab: StoreLab

    init() throws { lab = try StoreLab() }

    /// A base whose root, `etc` and `etc/passwd` have that owner and time.
    private func base(_ owner: Int, mode: Int) -> LayoutBuilder.Layer {
        var tar = TarBuilder()
        tar.add("./", type: "5", mode: mode, uid: owner, modified: owner)
        tar.add("etc/", type: "5", mode: mode, uid: owner, modified: owner)
        tar.add("etc/passwd", content: Array("\(owner)".utf8), uid: owner)
        return LayoutBuilder.Layer(tar)
    }

    private func open(_ format: LayerFormats) throws -> ImageStore {
        try ImageStore(root: lab.root, run: lab.run, format: format)
    }

    private func pull(_ tag: String, _ store: ImageStore, _ source: some BlobSource) async throws -> Image {
        try await store.pull(Reference(parsing: "app:\(tag)"), from: source, platform: StoreLab.platform)
    }

    private func expect(_ image: Image, _ store: ImageStore, owner: UInt32, mode: UInt32) throws {
        for readonly in [true, false] {
            let root = try store.mountRootfs(container: "c", image: image.id, readonly: readonly)
            for path in ["", "/etc"] where path.isEmpty || Syscall.exists("\(root)/etc/shadow") {
                let status = try Syscall.status(root + path)
                #expect(status.uid == owner, "\(path) of \(image.repoTags), read-only \(readonly)")
                #expect(status.permissions == mode)
                #expect(status.modified.seconds == Int64(owner))
            }
            #expect(try Syscall.readText("\(root)/etc/passwd") == "\(owner)")
            try store.removeRootfs(container: "c")
        }
        let volume = try store.mountImage(image.id, as: "v")
        #expect(try Syscall.status(volume).uid == owner)
        try store.unmountImage("v")
    }

    private func addImages(_ build: (inout TarBuilder) -> Void) throws {
        var tar = TarBuilder()
        build(&tar)
        let shared = LayoutBuilder.Layer(tar)
        try lab.layout.add([base(3, mode: 0o700), shared], tag: "1")
        try lab.layout.add([base(4, mode: 0o755), shared], tag: "2")
    }

    /// A directory that the layer does not bring is in each image as it is below, one pull after the other or at once.
    @Test(arguments: LayerFormatTests.formats, [false, true])
    func impliedDirectoriesAreThoseOfTheirImage(format: LayerFormats, atOnce: Bool) async throws {
        try addImages {
            $0.add("etc/shadow", content: [1])
            $0.add("copy", type: "1", link: "etc/passwd")
        }
        let store = try open(format)
        let sources = try ["1", "2"].map { WatchedSource(try lab.source($0), held: atOnce) }
        let pulls = sources.enumerated().map { number, source in
            Task {
                try await store.pull(
                    Reference(parsing: "app:\(number + 1)"), from: source, platform: StoreLab.platform)
            }
        }
        if atOnce {
            // Two configurations, two bases, and the shared layer.
            try await soon("all is asked for") { sources.map(\.blobs.count).reduce(0, +) == 5 }
            for source in sources { source.letGo() }
        }
        var images: [Image] = []
        for pull in pulls { images.append(try await pull.value) }
        for (image, owner) in zip(images, [UInt32(3), 4]) {
            try expect(image, store, owner: owner, mode: owner == 3 ? 0o700 : 0o755)
            let root = try store.mountRootfs(container: "c", image: image.id, readonly: true)
            #expect(try Syscall.readText("\(root)/copy") == "\(owner)")
            try store.removeRootfs(container: "c")
        }
        #expect(images[0].layers[1] == images[1].layers[1])
        // Again from the store: nothing is fetched but the configuration.
        let again = WatchedSource(try lab.source("2"))
        #expect(try await pull("3", store, again).id == images[1].id)
        #expect(again.blobs.count == 1)
        #expect(try store.check().damage.isEmpty)
        // Each with what is its own.
        try store.remove(images[0].id)
        try expect(images[1], store, owner: 4, mode: 0o755)
        try store.remove(images[1].id)
        #expect(try lab.isEmpty())
    }

    /// The root is no reason to keep a layer twice: it is put right where the image is used.
    @Test(arguments: LayerFormatTests.formats) func rootIsThatOfTheImage(format: LayerFormats) async throws {
        try addImages { $0.add("file", content: [1]) }
        let store = try open(format)
        let first = try await pull("1", store, lab.source("1"))
        let source = WatchedSource(try lab.source("2"))
        let second = try await pull("2", store, source)
        // The configuration and the base.
        #expect(source.blobs.count == 2)
        #expect(try lab.list("layers/sha256").count == 3)
        try expect(first, store, owner: 3, mode: 0o700)
        try expect(second, store, owner: 4, mode: 0o755)
        let copy = "\(lab.folder.path)/copy"
        try store.copy(first, to: copy)
        #expect(try Syscall.status(copy).uid == 3)
    }

    /// The same layer twice in one image, with another in between that changes what it depends on.
    @Test(arguments: LayerFormatTests.formats)
    func layerThatComesAgainSeesWhatIsBelowItThen(format: LayerFormats) async throws {
        var tar = TarBuilder()
        tar.add("etc/shadow", content: [1])
        let twice = LayoutBuilder.Layer(tar)
        try lab.layout.add([base(3, mode: 0o700), twice, base(4, mode: 0o755), twice])
        let store = try open(format)
        let image = try await pull("1", store, lab.source())
        #expect(image.layers[1] == image.layers[3])
        try expect(image, store, owner: 4, mode: 0o755)
        try store.remove(image.id)
        #expect(try lab.isEmpty())
    }
}
