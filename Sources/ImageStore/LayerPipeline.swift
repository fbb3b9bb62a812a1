// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Archive
internal import Linux
internal import OCIImageSpec

/// Fetches one layer and unpacks it on the way, without a copy of it anywhere:
///
///     source -> ring | -> digest of the blob -> decompressor | -> digest of the tar -> entries -> files
///       task         |           a thread of its own         |            another thread
///
/// A file of an artifact is put into a tar of its own after the first digest, and there is no other.
struct LayerPipeline: Sendable {
    let descriptor: Descriptor
    let diffID: Digest
    /// The digest of this layer and all below it in their order, by which one place in one image differs from others.
    /// Source: image-spec, config.md, "Layer ChainID".
    let chainID: Digest
    /// Of a blob of an artifact.
    var file: ArtifactFile?

    /// Runs the pipeline; `unpack` writes the entries, blocking. Throws when either digest differs: what was written is
    /// then to be thrown away. What is not kept in memory meanwhile goes to a file in the directory that `path` is in.
    func run<Result: Sendable>(
        from source: some BlobSource, beside path: String, received: @Sendable (Int) -> Void,
        unpack: @escaping @Sendable (LayerReader) throws -> Result
    ) async throws -> Result {
        try await Self.stream(descriptor, from: source, received: received) { try consume($0, beside: path, unpack) }
    }

    /// Streams a blob to a thread that is made for it when the first bytes come: one of a pool would be missing there for as
    /// long as a registry takes.
    static func stream<Value: Sendable>(
        _ descriptor: Descriptor, from source: some BlobSource, received: @Sendable (Int) -> Void,
        _ consume: @escaping @Sendable (BlockRing) throws -> Value
    ) async throws -> Value {
        let ring = BlockRing()
        func begin() -> Task<Value, any Error> {
            Task {
                do {
                    return try await FreshThread.run { () throws(Errno) in Result { try consume(ring) } }.get()
                } catch {
                    ring.refuse(error)
                    throw error
                }
            }
        }
        var consumer: Task<Value, any Error>?
        do {
            try await source.blob(descriptor) { block in
                consumer = consumer ?? begin()
                try await ring.push(block)
                received(block.count)
            }
            ring.finish()
        } catch {
            ring.fail(error)
            // The thread ends before the staging directory it writes to is removed. When it failed first, `error` is
            // its error already.
            _ = try? await consumer?.value
            throw error
        }
        return try await (consumer ?? begin()).value
    }

    private func consume<Result>(
        _ ring: BlockRing, beside path: String, _ unpack: (LayerReader) throws -> Result
    ) throws -> Result {
        do {
            if let file { return try consume(file, ring, unpack) }
            return try consumeLayer(ring, beside: path, unpack)
        } catch let error as ArchiveError {
            throw ImageStoreError(layer: descriptor.digest, error)
        }
    }

    private func consume<Result>(
        _ file: ArtifactFile, _ ring: BlockRing, _ unpack: (LayerReader) throws -> Result
    ) throws -> Result {
        let blob = HashingSource(ring, descriptor.digest.algorithm)
        let result = try unpack(LayerReader(file.archive(blob)))
        try check(try blob.digestOfAll())
        return result
    }

    private func consumeLayer<Result>(
        _ ring: BlockRing, beside path: String, _ unpack: (LayerReader) throws -> Result
    ) throws -> Result {
        let decompressed = DecompressedBlob(ring, descriptor.digest.algorithm, UnpackLimits(), beside: path)
        defer { decompressed.stop() }
        let plain = HashingSource(decompressed, diffID.algorithm)
        let result: Result
        do {
            result = try unpack(LayerReader(plain))
            let found = try plain.digestOfAll()
            try check(try decompressed.digestOfBlob())
            guard found == diffID else { throw mismatch("the unpacked content has the digest \(found), not \(diffID)") }
        } catch let error as ArchiveError {
            // Content that is not what was asked for is the cause of what the archive looks like.
            if error.code == .corrupt { try check(try decompressed.digestOfBlob()) }
            throw error
        }
        return result
    }

    private func check(_ found: Digest) throws(ImageStoreError) {
        guard found == descriptor.digest else { throw mismatch("the blob has the digest \(found)") }
    }

    private func mismatch(_ reason: String) -> ImageStoreError {
        ImageStoreError(.digestMismatch, "fetch layer", descriptor.digest.description, reason)
    }
}
