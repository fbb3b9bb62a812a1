// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Archive
package import OCIImageSpec

/// The documents of one image, fetched and checked against each other; its layers are still to be fetched.
package struct ImageResolution: Sendable {
    /// The manifest as it was fetched.
    package var manifest: FetchedManifest
    /// The index in which the manifest was chosen, outermost first.
    package var indexes: [Digest] = []
    /// The bytes of the configuration.
    package var configBytes: [UInt8]
    /// Their digest.
    package var configDigest: Digest
    /// What the bytes say; of an artifact nothing.
    package var config: ImageConfig
    /// The digest of the configuration; of an artifact that of its manifest, because many have the same configuration.
    package var id: Digest
    /// What the artifact is; nil of an image.
    package var artifactType: MediaType?
    /// Lowest first.
    var layers: [LayerPipeline]

    /// The compressed layers, lowest first.
    package var blobs: [Descriptor] { layers.map(\.descriptor) }

    /// Levels of indexes in indexes that are followed.
    private static let nestingLimit = 4
    /// Far more than overlayfs takes (500).
    private static let layerLimit = 1000

    /// Fetches manifest and configuration for a platform; `name` is for errors. An image that is in no index is taken as it
    /// is, unless the platform is demanded.
    package init(
        _ selector: ManifestSelector, of source: some BlobSource, for platform: Platform, isDemanded: Bool = false,
        name: String
    ) async throws {
        func fault(_ code: ImageStoreError.Code, _ reason: String) -> ImageStoreError {
            ImageStoreError(code, "pull image", name, reason)
        }
        var fetched = try await source.manifest(selector)
        var parsed: Manifest?
        while parsed == nil {
            switch try fetched.document() {
            case .manifest(let manifest): parsed = manifest
            case .index(let index):
                guard indexes.count < Self.nestingLimit else {
                    throw fault(.invalid, "its indexes are nested too deep")
                }
                guard let choice = platform.best(of: index.manifests) else {
                    throw fault(.notFound, "it has no manifest for the platform \(platform)")
                }
                indexes.append(fetched.digest)
                fetched = try await source.manifest(.digest(choice.digest))
            }
        }
        guard let document = parsed else { throw fault(.invalid, "it has no manifest") }
        try Self.check(document, name)
        manifest = fetched
        configBytes = try await source.wholeBlob(document.config)
        configDigest = document.config.digest
        let files = document.isArtifact ? try ArtifactFile.all(of: document, name) : []
        if document.isArtifact {
            (id, artifactType) = (fetched.digest, document.type)
            config = .ofArtifact(zip(files, document.layers).map { $0.identity($1.digest) })
        } else {
            id = configDigest
            config = try ImageConfig(parsing: configBytes, subject: id.description)
            if isDemanded { try platform.demand(of: config, "pull image", name) }
        }
        let diffIDs = config.rootfs.diffIDs
        guard diffIDs.count == document.layers.count else {
            throw fault(.invalid, "it has \(document.layers.count) layers but \(diffIDs.count) diff_ids")
        }
        layers = zip(document.layers, zip(diffIDs, Self.chainIDs(diffIDs))).map { descriptor, ids in
            LayerPipeline(descriptor: descriptor, diffID: ids.0, chainID: ids.1)
        }
        for (index, file) in files.enumerated() { layers[index].file = file }
    }

    private static func chainIDs(_ diffIDs: [Digest]) -> [Digest] {
        var below: Digest?
        return diffIDs.map { diffID in
            let chainID = below.map { Digest(of: Array("\($0) \(diffID)".utf8)) } ?? diffID
            below = chainID
            return chainID
        }
    }

    private static func check(_ manifest: Manifest, _ name: String) throws(ImageStoreError) {
        func unsupported(_ reason: String) -> ImageStoreError {
            ImageStoreError(.unsupportedMediaType, "pull image", name, reason)
        }
        guard manifest.layers.count <= layerLimit else {
            throw ImageStoreError(.invalid, "pull image", name, "it has \(manifest.layers.count) layers")
        }
        for layer in manifest.layers where !manifest.isArtifact {
            let type = QuotedText.line(layer.mediaType.rawValue)
            guard case .layer = layer.mediaType.kind else {
                throw unsupported("a layer has the unsupported type \(type)")
            }
            guard !layer.mediaType.isForeign else {
                throw unsupported(
                    "a layer is foreign, of the type \(type): it is in no registry, and fetched from nowhere else")
            }
        }
    }
}

extension Platform {
    /// Throws `.notFound` when the image is for another platform.
    func demand(of config: ImageConfig, _ operation: String, _ name: String) throws(ImageStoreError) {
        guard !accepts(config.platform) else { return }
        throw ImageStoreError(.notFound, operation, name, "it is for the platform \(config.platform), not \(self)")
    }
}

extension ImageConfig {
    /// Of an artifact: nothing but what its files are known by.
    static func ofArtifact(_ files: [Digest]) -> ImageConfig {
        ImageConfig(platform: Platform(os: "", architecture: ""), rootfs: RootFS(diffIDs: files))
    }
}
