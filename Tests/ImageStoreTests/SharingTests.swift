// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ImageStore
import Linux
import OCIImageSpec
import TestSupport
import Testing

/// Names, users and disks of images, and pulls that meet.
@Suite(.requiresRoot) struct SharingTests {
    let lab: StoreLab

    init() throws { lab = try StoreLab() }

    private func pull(_ store: ImageStore, _ name: String, _ tag: String) async throws -> Image {
        try await store.pull(Reference(parsing: name), from: lab.source(tag), platform: StoreLab.platform)
    }

    @Test func layerOfTwoImagesIsFetchedOnce() async throws {
        let shared = StoreLab.layer("shared", "1")
        try lab.layout.add([shared, StoreLab.layer("one", "1")], tag: "1")
        try lab.layout.add([shared, StoreLab.layer("two", "1")], tag: "2")
        let store = try lab.open()
        let sources = [
            WatchedSource(try lab.source("1"), held: true), WatchedSource(try lab.source("2"), held: true),
        ]
        let pulls = sources.enumerated().map { number, source in
            Task {
                try await store.pull(
                    Reference(parsing: "app:\(number)"), from: source, platform: StoreLab.platform)
            }
        }
        // Two configurations, two layers of their own, and the shared one.
        try await soon("all is asked for") { sources.map(\.blobs.count).reduce(0, +) == 5 }
        for source in sources { source.letGo() }
        for pull in pulls { _ = try await pull.value }
        #expect(sources.map(\.blobs.count).reduce(0, +) == 5)
        #expect(try lab.list("layers/sha256").count == 3)
        #expect(try lab.list("staging").isEmpty)
        let images = try store.images()
        #expect(try store.layers(of: images[0]).map(\.images) == [2, 1])
    }

    @Test func cancelledCallerDoesNotDisturbTheOther() async throws {
        try lab.layout.add([StoreLab.layer("a", "one")])
        let store = try lab.open()
        let source = WatchedSource(try lab.source(), held: true)
        let pulls = (0..<2).map { _ in
            Task { try await store.pull(Reference(parsing: "app"), from: source, platform: StoreLab.platform) }
        }
        try await soon("the layer is asked for") { source.blobs.count == 2 }
        pulls[0].cancel()
        // At once, though the other goes on.
        await #expect(throws: CancellationError.self) { _ = try await pulls[0].value }
        source.letGo()
        #expect(try await pulls[1].value.layers.count == 1)
        #expect(source.blobs.count == 2)
    }

    /// However many layers a slow registry keeps waiting, there are threads for everything else.
    @Test func layersThatWaitHoldNoThread() async throws {
        let store = try lab.open()
        var sources: [WatchedSource] = []
        for number in 0..<24 {
            let layers = (0..<3).map { StoreLab.layer("\(number).\($0)", "1") }
            try lab.layout.add(layers, tag: "\(number)")
            sources.append(WatchedSource(try lab.source("\(number)"), held: true))
        }
        let pulls = sources.enumerated().map { number, source in
            Task {
                try await store.pull(Reference(parsing: "app:\(number)"), from: source, platform: StoreLab.platform)
            }
        }
        try await soon("all layers are asked for") { sources.map(\.blobs.count).reduce(0, +) == 24 * 4 }
        #expect(try await BlockingPool.run { () throws in try store.images() }.isEmpty)
        for source in sources { source.letGo() }
        for pull in pulls { #expect(try await pull.value.layers.count == 3) }
    }

    @Test func failureOfAnotherPullIsNotOurs() async throws {
        let shared = StoreLab.layer("shared", "1")
        try lab.layout.add([shared, StoreLab.layer("one", "1")], tag: "1")
        try lab.layout.add([shared, StoreLab.layer("two", "1")], tag: "2")
        let store = try lab.open()
        let (bad, good) = (FailingSource(try lab.source("1")), WatchedSource(try lab.source("2"), held: true))
        let first = Task { try await store.pull(Reference(parsing: "app:1"), from: bad, platform: StoreLab.platform) }
        try await soon("the first has begun") { bad.isAsked }
        let second = Task { try await store.pull(Reference(parsing: "app:2"), from: good, platform: StoreLab.platform) }
        // Its own layer; in the shared one it has joined the first.
        try await soon("the second has joined") { good.blobs.count == 2 }
        bad.fail()
        await #expect(throws: FailingSource.Failure.self) { _ = try await first.value }
        good.letGo()
        #expect(try await second.value.layers.count == 2)
    }

    @Test func namesComeAndGo() async throws {
        try lab.layout.add([StoreLab.layer("a", "1")], tag: "1")
        let store = try lab.open()
        let image = try await pull(store, "app:1", "1")
        try store.tag(image.id, as: Reference(parsing: "other:2"))
        #expect(try store.image("other:2")?.id == image.id)
        #expect(throws: ImageStoreError.self) {
            try store.tag(image.id, as: Reference(parsing: "x@\(image.manifest)"))
        }
        #expect(try store.untag(Reference(parsing: "app:1")))
        #expect(try store.image("app:1") == nil)
        // The last one is for `remove`.
        #expect(try !store.untag(Reference(parsing: "other:2")))
        #expect(try !store.untag(Reference(parsing: "nothing:2")))
        #expect(try store.image(id: image.id)?.repoTags == ["docker.io/library/other:2"])
    }

    @Test func garbageIsWhatNobodyNames() async throws {
        try lab.layout.add([StoreLab.layer("a", "old")], tag: "old")
        try lab.layout.add([StoreLab.layer("a", "new")], tag: "new")
        try lab.layout.add([StoreLab.layer("a", "pause")], tag: "pause")
        var settings = StoreSettings(root: lab.root, run: lab.run)
        settings.format = .directory
        settings.pinned = PinnedImages(["registry.example/pause:*"])
        let store = try ImageStore(settings)
        let old = try await pull(store, "app:1", "old")
        let new = try await pull(store, "app:1", "new")
        let pause = try await pull(store, "registry.example/pause:3", "pause")
        #expect(try store.images().filter(\.isPinned).map(\.id) == [pause.id])
        // In use.
        _ = try store.mountRootfs(container: "c", image: old.id, readonly: true)
        #expect(try store.collectGarbage().images.isEmpty)
        try store.removeRootfs(container: "c")
        let report = try store.collectGarbage()
        #expect(report.images == [old.id])
        #expect(report.bytes >= 2 * 4096)
        #expect(try store.collectGarbage(all: true).images == [new.id])
        #expect(try store.images().map(\.id) == [pause.id])
        #expect(try lab.list("layers/sha256") == pause.layers.map(\.hex))
    }

    @Test(arguments: [
        ("busybox", true), ("docker.io/library/busy*", true), ("*box*", true), ("alpine", false), ("*", true),
        ("", false),
    ]) func pinsMeanNames(pattern: String, isPinned: Bool) {
        #expect(PinnedImages([pattern]).contains(["docker.io/library/busybox:latest"]) == isPinned)
    }

    @Test func layersMayHaveADiskOfTheirOwn() async throws {
        try lab.layout.add([StoreLab.layer("a", "1")], tag: "1")
        let disk = "\(lab.folder.path)/disk"
        try Syscall.makeDirectory(disk)
        try Syscall.mount(source: "disk", target: disk, type: "tmpfs", data: "size=16m")
        let settings = StoreSettings(root: lab.root, run: lab.run, images: "\(disk)/images")
        let store = try ImageStore(settings)
        let image = try await pull(store, "app:1", "1")
        #expect(try Syscall.entries("\(disk)/images/layers/sha256") == [image.layers[0].hex])
        #expect(!Syscall.exists("\(lab.root)/layers"))
        #expect(try store.usage().path == "\(disk)/images")
        let rootfs = try store.mountRootfs(container: "c", image: image.id, readonly: false)
        try AtomicFile.write("\(rootfs)/mine", "1")
        #expect(Syscall.exists("\(lab.root)/containers/c/upper/mine"))
        try store.removeRootfs(container: "c")
        // The disk is not mounted after a boot: no image is lost by that. What another test starts in this moment has all
        // descriptors until it executes.
        try eventually("the disk is free") { (try? Syscall.unmount(disk)) != nil }
        let error = try #require(throws: ImageStoreError.self) { try ImageStore(settings) }
        #expect(error.description.contains("its disk is not mounted"))
    }

    @Test func keptBlobsGoWithTheImage() async throws {
        try lab.layout.add([StoreLab.layer("a", "1")], tag: "1")
        let store = try lab.open()
        let image = try await pull(store, "app:1", "1")
        let before = try store.usage().bytes
        // Without blobs it was here; to keep them it is fetched again.
        let again = try await store.pull(
            Reference(parsing: "app:1"), from: lab.source("1"), platform: StoreLab.platform, keepsBlobs: true)
        #expect(again.id == image.id)
        #expect(try lab.list("content/sha256").count == 3)
        #expect(try store.usage().bytes == before + 4096)
        #expect(try store.check().damage.isEmpty)
        let copy = "\(lab.folder.path)/copy"
        let destination = try LayoutDestination(directory: copy)
        let found = try await ImageCopy(
            from: StoreSource(store, again), to: destination, platform: nil, name: "app"
        ).run(.digest(again.manifest), as: ["1"])
        #expect(found.digest == image.manifest)
        #expect(try Syscall.entries("\(copy)/blobs/sha256").count == 3)
        try store.remove(image.id)
        #expect(try lab.isEmpty())
    }
}

/// Holds every layer back, and then does not have it.
final class FailingSource: BlobSource {
    struct Failure: Error {}

    private let source: WatchedSource

    init(_ source: any BlobSource) {
        self.source = WatchedSource(source, held: true)
    }

    var isAsked: Bool { source.blobs.count == 3 }

    func fail() { source.letGo() }

    func manifest(_ selector: ManifestSelector) async throws -> FetchedManifest { try await source.manifest(selector) }

    func blob(_ descriptor: Descriptor, _ body: ([UInt8]) async throws -> Void) async throws {
        var isConfig = false
        if case .config = descriptor.mediaType.kind { isConfig = true }
        if isConfig { return try await source.blob(descriptor, body) }
        try await source.blob(descriptor) { _ in }
        throw Failure()
    }
}
