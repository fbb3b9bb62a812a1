// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import OCIImageSpec

/// An image of the store.
package struct Image: Sendable {
    /// The digest of the configuration; of an artifact that of its manifest.
    package var id: Digest
    /// The digest of the manifest it was pulled by last.
    package var manifest: Digest
    /// Its tags in full, `docker.io/library/busybox:latest`, in the order of their texts.
    package var repoTags: [String]
    /// Names by content, `docker.io/library/busybox@sha256:...`, of manifests and indexes, in the order of their texts.
    package var repoDigests: [String]
    /// What its layers take on disk, in bytes.
    package var size: UInt64
    /// The configuration; of an artifact, which has none of this kind, one that says nothing.
    package var config: ImageConfig
    /// What the artifact is; nil of an image.
    package var artifactType: MediaType?
    /// The diffIDs of its layers, lowest first; of an artifact the identities of its files.
    package var layers: [Digest]
    /// When it was pulled last, in seconds since 1970.
    package var pulled: Int64
    /// Whether garbage collection must leave it.
    package var isPinned: Bool
}

/// A layer of the store.
package struct StoredLayer: Hashable, Sendable {
    /// The digest of its tar.
    package var diffID: Digest
    /// How it is kept.
    package var format: String
    /// What it takes on disk.
    package var bytes: UInt64
    /// Its files.
    package var inodes: UInt64
    /// How many images have it.
    package var images: Int
}

/// What the store takes on disk.
package struct StoreUsage: Hashable, Sendable {
    /// Bytes of all layers and documents.
    package var bytes: UInt64
    /// Files of all layers and documents.
    package var inodes: UInt64
    /// The directory of the images.
    package var path: String
}

/// How far a pull is. Reported often, from any thread.
package struct PullProgress: Hashable, Sendable {
    /// Compressed bytes that were received and handed on to be unpacked.
    package var bytes: Int64
    /// Compressed bytes of all layers that are not in the store yet.
    package var totalBytes: Int64
    /// Layers that are unpacked or were there before.
    package var layers: Int
    /// All layers of the image.
    package var totalLayers: Int

    /// A state of the given parts.
    package init(bytes: Int64, totalBytes: Int64, layers: Int, totalLayers: Int) {
        self.bytes = bytes
        self.totalBytes = totalBytes
        self.layers = layers
        self.totalLayers = totalLayers
    }
}
