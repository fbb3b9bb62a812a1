// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import FoundationEssentials
import Linux
import OCIImageSpec
import TestSupport

/// An OCI layout in a temporary folder, written by hand: one image with the tag `made`, for one or more platforms.
struct ImageLayout {
    let folder: TemporaryDirectory
    /// What the tag names: a manifest, or an index when there are several platforms.
    let root: Descriptor
    let rootBytes: [UInt8]
    /// The first manifest's content.
    let manifest: Manifest
    let layers: [[UInt8]]

    /// For skopeo.
    var source: String { "oci:\(folder.path):made" }

    /// The layers are any bytes: registries do not look into them.
    init(layers: [[UInt8]], platforms: [String] = ["linux/amd64"]) throws {
        let folder = try TemporaryDirectory()
        try Syscall.makeDirectories("\(folder.path)/blobs/sha256")
        func store(_ bytes: [UInt8], _ type: MediaType, _ platform: Platform? = nil) throws
            -> Descriptor
        {
            let digest = Digest(of: bytes)
            try AtomicFile.write("\(folder.path)/blobs/sha256/\(digest.hex)", bytes)
            return Descriptor(
                mediaType: type, digest: digest, size: Int64(bytes.count), platform: platform)
        }
        let encoder = JSONEncoder()
        let stored = try layers.map { try store($0, .layer) }
        var manifests: [(Manifest, Descriptor, [UInt8])] = []
        for platform in try platforms.map(Platform.init(parsing:)) {
            let config = ImageConfig(platform: platform, rootfs: .init(diffIDs: stored.map(\.digest)))
            let manifest = Manifest(
                config: try store([UInt8](try encoder.encode(config)), .imageConfig), layers: stored)
            let bytes = [UInt8](try encoder.encode(manifest))
            manifests.append((manifest, try store(bytes, .imageManifest, platform), bytes))
        }
        var (root, rootBytes) = (manifests[0].1, manifests[0].2)
        if manifests.count > 1 {
            rootBytes = [UInt8](try encoder.encode(Index(manifests: manifests.map(\.1))))
            root = try store(rootBytes, .imageIndex)
        }
        var named = root
        named.annotations = ["org.opencontainers.image.ref.name": "made"]
        let index = try encoder.encode(Index(manifests: [named]))
        try AtomicFile.write("\(folder.path)/index.json", [UInt8](index))
        try AtomicFile.write("\(folder.path)/oci-layout", #"{"imageLayoutVersion":"1.0.0"}"#)
        (self.folder, self.root, self.rootBytes) = (folder, root, rootBytes)
        (self.manifest, self.layers) = (manifests[0].0, layers)
    }
}

/// Bytes without a period that a misplaced range could hide behind: numbered blocks of an odd length.
func pattern(_ count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + patternBlock.count)
    var number = 0
    while bytes.count < count {
        bytes += withUnsafeBytes(of: number.bigEndian) { Array($0) }
        bytes += patternBlock
        number += 1
    }
    bytes.removeLast(bytes.count - count)
    return bytes
}

private let patternBlock: [UInt8] = {
    var state: UInt32 = 1
    return (0..<10_007).map { _ in
        state = state &* 1_664_525 &+ 1_013_904_223
        return UInt8(truncatingIfNeeded: state >> 24)
    }
}()
