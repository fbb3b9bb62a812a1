// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ImageStore
import Linux
import OCIImageSpec
import TestSupport
import Testing

/// Images of which everything is named by sha512. Source: image-spec, descriptor.md, "Registered algorithms".
@Suite(.requiresRoot) struct DigestAlgorithmTests {
    @Test(arguments: LayerFormatTests.formats) func everythingMayBeNamedBySHA512(format: LayerFormats) async throws {
        let lab = try StoreLab(algorithm: "sha512")
        try lab.layout.add([StoreLab.layer("a", "one"), StoreLab.layer("d/b", "two")])
        let store = try ImageStore(root: lab.root, run: lab.run, format: format)
        let source = WatchedSource(try lab.source())
        let image = try await store.pull(
            Reference(parsing: "app"), from: source, platform: StoreLab.platform, keepsBlobs: true)
        for digest in [image.id, image.manifest] + image.layers { #expect(digest.algorithm == .sha512) }
        let names = ["app", "docker.io/library/app@\(image.manifest)", "\(image.id)", image.id.hex]
        for name in names + ["sha512:\(image.id.hex.prefix(12))", String(image.id.hex.prefix(12))] {
            #expect(try store.image(name)?.id == image.id, "\(name)")
        }
        #expect(try store.image("sha256:\(image.id.hex.prefix(12))") == nil)
        let root = try store.mountRootfs(container: "c", image: image.id, readonly: false)
        #expect(try Syscall.readText("\(root)/d/b") == "two")
        try store.removeRootfs(container: "c")
        #expect(try store.check().damage.isEmpty)
        // What is damaged is found, and fetched again alone.
        let layer = try #require(try lab.list("layers/sha512").first)
        try Syscall.removeTree("\(lab.root)/layers/sha512/\(layer)")
        #expect(try store.check().damage.count == 1)
        let before = source.blobs.count
        _ = try await store.pull(Reference(parsing: "app"), from: source, platform: StoreLab.platform)
        #expect(source.blobs.count == before + 2)
        #expect(try store.check().damage.isEmpty)
        // Opened by another process, with nothing left over.
        let other = try ImageStore(root: lab.root, run: lab.run, format: format)
        #expect(try other.images().map(\.id) == [image.id])
        try other.remove(image.id)
        #expect(try lab.isEmpty())
    }

    @Test func anotherContentIsFound() async throws {
        let lab = try StoreLab(algorithm: "sha512")
        var layer = StoreLab.layer("a", "one")
        layer.diffID = "sha512:" + String(repeating: "0", count: 128)
        try lab.layout.add([layer])
        let store = try lab.open()
        let error = try await #require(throws: ImageStoreError.self) {
            _ = try await store.pull(Reference(parsing: "app"), from: lab.source(), platform: StoreLab.platform)
        }
        #expect(error.code == .digestMismatch)
        #expect(try lab.isEmpty())
    }
}
