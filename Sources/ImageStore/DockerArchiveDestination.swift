// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Archive
internal import Linux
package import OCIImageSpec
internal import Synchronization

/// What `docker load` and `podman load` read: the configurations and the plain layers of images, with their names. The
/// manifests are not in it, so digests of manifests and compressed layers do not survive.
package final class DockerArchiveDestination: ImageDestination {
    private let tar: TarWriter
    private let state = Mutex(State())

    private struct State {
        var entries: [DockerArchiveEntry] = []
        /// The file of each blob.
        var names: [Digest: String] = [:]
        var plain: Set<Digest> = []
    }

    /// A new file.
    package init(path: String) throws {
        tar = try TarWriter(path)
    }

    /// A layer is written as plain tar under its diffID, whatever it comes as.
    package func put(_ descriptor: Descriptor, from source: any BlobSource) async throws -> BlobOutcome {
        guard state.withLock({ $0.names[descriptor.digest] == nil }) else { return .present }
        guard descriptor.mediaType.kind != .unknown else {
            throw ImageStoreError(
                .unsupportedMediaType, "write docker archive", tar.path,
                "it takes images only, and nothing of the type \(QuotedText.line(descriptor.mediaType.rawValue))")
        }
        guard case .layer = descriptor.mediaType.kind else {
            let (tar, bytes) = (tar, try await source.wholeBlob(descriptor))
            let name = "\(descriptor.digest.hex).json"
            state.withLock { $0.names[descriptor.digest] = name }
            try await BlockingPool.run { () throws in try tar.add(name, bytes) }
            return .stored
        }
        let tar = tar
        let plain = unsafe try await LayerPipeline.plainDigest(
            of: descriptor, from: source, beside: tar.path
        ) { block in unsafe try tar.append(block) }
        let name = "\(plain.hex).tar"
        let isNew = state.withLock { state in
            state.names[descriptor.digest] = name
            return state.plain.insert(plain).inserted
        }
        try await BlockingPool.run { () throws in
            if isNew { try tar.endEntry(name) } else { tar.dropEntry() }
        }
        return .stored
    }

    /// The tag is a whole name, `docker.io/library/busybox:latest`; the empty one leaves the image without.
    package func put(_ manifest: FetchedManifest, as selector: ManifestSelector) async throws {
        guard case .manifest(let document) = try manifest.document(), case .tag(let tag) = selector else {
            throw ImageStoreError(
                .unsupportedMediaType, "write docker archive", tar.path, "it takes single images, no indexes")
        }
        try state.withLock { state in
            let layers = try document.layers.map { layer in
                guard let name = state.names[layer.digest] else {
                    throw ImageStoreError(.invalid, "write docker archive", tar.path, "a layer is missing")
                }
                return name
            }
            let config = state.names[document.config.digest] ?? ""
            if let same = state.entries.firstIndex(where: { $0.config == config }) {
                if !tag.isEmpty { state.entries[same].repoTags?.append(tag) }
            } else {
                state.entries.append(
                    DockerArchiveEntry(config: config, repoTags: tag.isEmpty ? [] : [tag], layers: layers))
            }
        }
    }

    /// Writes the list of images and ends the archive.
    package func finish() async throws {
        let (tar, list) = (tar, try encodeDocument(state.withLock { $0.entries }))
        try await BlockingPool.run { () throws in
            try tar.add("manifest.json", list)
            try tar.finish()
        }
    }

    package func abandon() async { await tar.remove() }
}

extension LayerPipeline {
    /// Streams a layer, verifies its blob, hands over its plain bytes on a thread that may block, and returns their
    /// digest. What is not kept in memory goes to a file in the directory that `path` is in.
    static func plainDigest(
        of descriptor: Descriptor, from source: any BlobSource, beside path: String,
        _ body: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void
    ) async throws -> Digest {
        try await stream(descriptor, from: source, received: { _ in }) { ring in
            let blob = HashingSource(ring, descriptor.digest.algorithm)
            let plain = HashingSource(Decompressor(blob, spillingBeside: path), .sha256)
            while true {
                let block = unsafe try plain.nextBlock()
                if block.count == 0 { break }
                unsafe try body(block)
            }
            let found = try blob.digestOfAll()
            guard found == descriptor.digest else {
                throw ImageStoreError(
                    .digestMismatch, "fetch layer", descriptor.digest.description,
                    "the blob has the digest \(found)")
            }
            return try plain.digestOfAll()
        }
    }
}
