// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ImageStore
import Linux
import OCIImageSpec
import Synchronization
import Testing
import TestSupport

/// Images come in, are found and go again.
@Suite(.requiresRoot) struct PullTests {
    let lab: StoreLab

    init() throws { lab = try StoreLab() }

    @Test func pulledImageIsFoundByEveryName() async throws {
        try lab.layout.add([StoreLab.layer("a", "one"), StoreLab.layer("b", "two")])
        let store = try lab.open()
        let reference = try Reference(parsing: "example.org/app:1")
        let image = try await store.pull(reference, from: lab.source(), platform: StoreLab.platform)
        #expect(image.repoTags == ["example.org/app:1"])
        #expect(image.repoDigests == ["example.org/app@\(image.manifest)"])
        #expect(image.config.config?.cmd == ["/bin/sh"])
        #expect(image.layers.count == 2)
        // Of each layer its root and its file.
        #expect(image.size == 4 * 4096)
        let names = [
            "example.org/app:1", "example.org/app@\(image.manifest)", "example.org/app:7@\(image.manifest)",
            image.id.description, image.id.hex, String(image.id.hex.prefix(12)), "sha256:\(image.id.hex.prefix(9))",
        ]
        for name in names { #expect(try store.image(name)?.id == image.id, "\(name)") }
        for name in ["example.org/app", "app:1", "0000", "no such thing"] { #expect(try store.image(name) == nil) }
        let usage = try store.usage()
        // And the manifest and the configuration.
        #expect(usage.bytes == 6 * 4096)
        #expect(usage.inodes == 6)
        #expect(try lab.list("staging").isEmpty)
        // Another process sees the same.
        #expect(try lab.open().images().map(\.id) == [image.id])
    }

    @Test func removedImageLeavesNothing() async throws {
        try lab.layout.add([StoreLab.layer("a", "one")], tag: "1")
        try lab.layout.add([StoreLab.layer("a", "one"), StoreLab.layer("b", "two")], tag: "2")
        let store = try lab.open()
        let one = try await pull("app:1", "1", store)
        let two = try await pull("app:2", "2", store)
        try store.remove(one.id)
        #expect(try store.images().map(\.id) == [two.id])
        #expect(try lab.list("layers/sha256") == two.layers.map(\.hex).sorted())
        try store.remove(two.id)
        #expect(try lab.isEmpty())
        #expect(try store.usage().inodes == 0)
        let error = try #require(throws: ImageStoreError.self) { try store.remove(two.id) }
        #expect(error.code == .notFound)
    }

    @Test func whatBecomesOfLayersIsTold() async throws {
        try lab.layout.add([StoreLab.layer("a", "one")], tag: "1")
        try lab.layout.add([StoreLab.layer("a", "one"), StoreLab.layer("b", "two")], tag: "2")
        let heard = Recorder()
        var settings = StoreSettings(root: lab.root, run: lab.run)
        settings.format = .directory
        settings.onLayer = { heard.add($0) }
        let store = try ImageStore(settings)
        let one = try store.manifest(of: try await pull("app:1", "1", store)).layers
        #expect(heard.take() == ["\(one[0].digest) received \(one[0].size)", "\(one[0].digest) fetched"])
        let two = try store.manifest(of: try await pull("app:2", "2", store)).layers
        #expect(
            heard.take() == [
                "\(two[0].digest) reused by docker.io/library/app:2", "\(two[1].digest) received \(two[1].size)",
                "\(two[1].digest) fetched",
            ])
        _ = try await pull("app:2", "2", store)
        #expect(heard.take().count == 2)
    }

    /// The first who asks has the manifest read, and nobody after.
    @Test func annotationsAreReadOnce() async throws {
        try lab.layout.add([StoreLab.layer("a", "one")])
        let store = try lab.open()
        let image = try await store.pull(
            Reference(parsing: "app:1"), from: lab.source(), platform: StoreLab.platform)
        #expect(store.knownAnnotations(of: image) == nil)
        #expect(try store.annotations(of: image) == [:])
        try Syscall.removeFile("\(lab.root)/content/sha256/\(image.manifest.hex)")
        #expect(store.knownAnnotations(of: image) == [:])
        #expect(try store.annotations(of: image) == [:])
        // One that was pulled with another manifest since.
        var other = image
        other.manifest = image.id
        #expect(store.knownAnnotations(of: other) == nil)
        try store.remove(image.id)
        #expect(store.knownAnnotations(of: image) == nil)
    }

    @Test func layersThatAreHereAreNotFetched() async throws {
        try lab.layout.add([StoreLab.layer("a", "one")], tag: "1")
        // The same layer, packed differently: only its plain digest is the same.
        var same = StoreLab.layer("a", "one")
        same.compression = "zstd"
        same.mediaType = "application/vnd.oci.image.layer.v1.tar+zstd"
        try lab.layout.add([same, StoreLab.layer("b", "two"), same], tag: "2")
        let store = try lab.open()
        _ = try await pull("app:1", "1", store)
        let source = WatchedSource(try lab.source("2"))
        let image = try await store.pull(Reference(parsing: "app:2"), from: source, platform: StoreLab.platform)
        #expect(image.layers.count == 3)
        // The configuration and one layer.
        #expect(source.blobs.count == 2)
    }

    @Test func pullsOfOneReferenceJoin() async throws {
        try lab.layout.add([StoreLab.layer("a", "one")])
        let store = try lab.open()
        let source = WatchedSource(try lab.source(), held: true)
        let reference = try Reference(parsing: "app")
        let pulls = (0..<5).map { _ in
            Task { try await store.pull(reference, from: source, platform: StoreLab.platform).id }
        }
        try await soon("the layer is asked for") { source.blobs.count == 2 }
        source.letGo()
        var ids: Set<Digest> = []
        for pull in pulls { ids.insert(try await pull.value) }
        #expect(ids.count == 1)
        #expect(source.blobs.count == 2)
    }

    @Test func cancelledPullLeavesNothing() async throws {
        try lab.layout.add([StoreLab.layer("a", "one")])
        let store = try lab.open()
        let source = WatchedSource(try lab.source(), held: true)
        let pull = Task { try await store.pull(Reference(parsing: "app"), from: source, platform: StoreLab.platform) }
        try await soon("the layer is asked for") { source.blobs.count == 2 }
        pull.cancel()
        await #expect(throws: CancellationError.self) { _ = try await pull.value }
        #expect(try lab.isEmpty())
        #expect(try store.images().isEmpty)
    }

    @Test func indexIsResolvedForThePlatform() async throws {
        let arm = try lab.layout.add([StoreLab.layer("a", "arm")], tag: nil, architecture: "arm64")
        let amd = try lab.layout.add([StoreLab.layer("a", "amd")], tag: nil)
        let index = try lab.layout.addIndex([arm, amd], tag: "multi")
        let store = try lab.open()
        let image = try await pull("app:1", "multi", store)
        #expect(image.config.architecture == "amd64")
        #expect(image.manifest.description == amd.digest)
        #expect(Set(image.repoDigests) == Set([amd.digest, index.digest].map { "docker.io/library/app@\($0)" }))
        let error = try await #require(throws: ImageStoreError.self) {
            let mips = Platform(os: "linux", architecture: "mips64")
            _ = try await store.pull(Reference(parsing: "app:1"), from: lab.source("multi"), platform: mips)
        }
        #expect(error.code == .notFound)
        #expect(error.description.contains("linux/mips64"))
    }

    @Test func everyKindOfLayerAndManifestIsRead() async throws {
        var plain = StoreLab.layer("plain", "1")
        plain.compression = nil
        plain.mediaType = "application/vnd.docker.image.rootfs.diff.tar"
        var zstd = StoreLab.layer("zstd", "1")
        zstd.compression = "zstd"
        // Registries lie: it is told by its bytes.
        zstd.mediaType = "application/vnd.docker.image.rootfs.diff.tar.gzip"
        let empty = LayoutBuilder.Layer(TarBuilder())
        try lab.layout.add([plain, zstd, empty, StoreLab.layer("gzip", "1")], docker: true)
        let store = try lab.open()
        let image = try await pull("app", nil, store)
        let target = "\(lab.folder.path)/copy"
        try store.copy(image, to: target)
        #expect(try Set(Syscall.entries(target)) == ["plain", "zstd", "gzip"])
    }

    @Test func tagMovesToTheImagePulledLast() async throws {
        try lab.layout.add([StoreLab.layer("a", "old")], tag: "old")
        try lab.layout.add([StoreLab.layer("a", "new")], tag: "new")
        let store = try lab.open()
        let old = try await pull("app:1", "old", store)
        let new = try await pull("app:1", "new", store)
        #expect(try store.image("app:1")?.id == new.id)
        let left = try #require(try store.image(old.id.description))
        #expect(left.repoTags.isEmpty)
        #expect(left.repoDigests.count == 1)
    }

    @Test func ambiguousPrefixIsAnError() async throws {
        let store = try lab.open()
        // By the pigeonhole principle two of them begin alike.
        for number in 0..<17 {
            try lab.layout.add([StoreLab.layer("a", "same")], tag: "t\(number)", command: "/\(number)")
            _ = try await pull("app:\(number)", "t\(number)", store)
        }
        let firsts = try store.images().map { $0.id.hex.prefix(1) }
        let twice = try #require(firsts.first { first in firsts.count { $0 == first } > 1 })
        let error = try #require(throws: ImageStoreError.self) { try store.image(String(twice)) }
        #expect(error.code == .ambiguous)
    }

    private func pull(_ name: String, _ tag: String?, _ store: ImageStore) async throws -> Image {
        try await store.pull(Reference(parsing: name), from: lab.source(tag), platform: StoreLab.platform)
    }
}

/// What a store has told of layers; bytes that came one after the other are added up.
private final class Recorder: Sendable {
    private let events = Mutex<[LayerEvent]>([])

    func add(_ event: LayerEvent) { events.withLock { $0.append(event) } }

    func take() -> [String] {
        let all = events.withLock { events in
            defer { events = [] }
            return events
        }
        var (lines, sum) = ([String](), 0)
        for event in all {
            switch event {
            case .received(let count, _): sum += count
            case .fetched(let blob):
                lines += ["\(blob.digest) received \(sum)", "\(blob.digest) fetched"]
                sum = 0
            case .reused(let blob, let reference): lines.append("\(blob.digest) reused by \(reference)")
            }
        }
        return lines
    }
}
