// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ImageStore
internal import OCIImageSpec

/// What `inspect` and `list --json` print.
struct ImageDescription: Encodable {
    var id: Digest
    var manifest: Digest
    /// Names in the store; nothing for an image elsewhere.
    var repoTags: [String]?
    var repoDigests: [String]?
    /// Bytes on disk in the store.
    var size: UInt64?
    /// What an artifact is; nothing for an image.
    var artifactType: MediaType?
    /// DiffIDs, lowest first.
    var layers: [Digest]
    /// Descriptors of the compressed layers, of an image elsewhere.
    var blobs: [Descriptor]?
    /// Nothing for an artifact.
    var platform: String?
    var created: String?
    /// Only in the store.
    var pinned: Bool?
    var config: ImageConfig.Execution?

    init(_ image: Image) {
        id = image.id
        manifest = image.manifest
        repoTags = image.repoTags
        repoDigests = image.repoDigests
        size = image.size
        pinned = image.isPinned
        artifactType = image.artifactType
        layers = image.layers
        platform = image.artifactType == nil ? image.config.platform.description : nil
        created = image.config.created
        config = image.config.config
    }

    init(_ image: ImageResolution) {
        id = image.id
        manifest = image.manifest.digest
        artifactType = image.artifactType
        layers = image.config.rootfs.diffIDs
        blobs = image.blobs
        platform = image.artifactType == nil ? image.config.platform.description : nil
        created = image.config.created
        config = image.config.config
    }
}
