// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Archive
internal import Linux
internal import OCIImageSpec

/// Fetches one layer and unpacks it on the way, without a copy of it anywhere:
///
///     source -> ring | -> digest of the blob -> decompressor | -> digest of the tar -> entries -> files
///       task         |           a thread of its own         |            another thread
struct LayerPipeline: Sendable {
    let descriptor: Descriptor
    let diffID: Digest
    /// The digest of this layer and all below it in their order, by which one place in one image differs from others.
    /// Source: image-spec, config.md, "Layer ChainID".
    let chainID: Digest

    /// Runs the pipeline; `unpack` writes the entries, blocking. Throws when either digest differs: what was written is
    /// then to be thrown away.
    func run<Result: Sendable>(
        from source: some BlobSource, received: @Sendable (Int) -> Void,
        unpack: @escaping @Sendable (LayerReader) throws -> Result
    ) async throws -> Result {
        let ring = BlockRing()
        async let result = BlockingPool.run { () throws in
            do {
                return try consume(ring, unpack)
            } catch {
                ring.refuse(error)
                throw error
            }
        }
        do {
            try await source.blob(descriptor) { block in
                try await ring.push(block)
                received(block.count)
            }
            ring.finish()
        } catch {
            ring.fail(error)
            // The thread ends before the staging directory it writes to is removed. When it failed first, `error` is
            // its error already.
            _ = try? await result
            throw error
        }
        return try await result
    }

    private func consume<Result>(_ ring: BlockRing, _ unpack: (LayerReader) throws -> Result) throws -> Result {
        let decompressed = DecompressedBlob(ring, descriptor.digest.algorithm, UnpackLimits())
        defer { decompressed.stop() }
        let plain = HashingSource(decompressed, diffID.algorithm)
        let result: Result
        do {
            result = try unpack(LayerReader(plain))
            let found = try plain.digestOfAll()
            try check(decompressed)
            guard found == diffID else { throw mismatch("the unpacked content has the digest \(found), not \(diffID)") }
        } catch let error as ArchiveError {
            // Content that is not what was asked for is the cause of what the archive looks like.
            if error.code == .corrupt { try check(decompressed) }
            throw ImageStoreError(layer: descriptor.digest, error)
        }
        return result
    }

    private func check(_ blob: DecompressedBlob) throws {
        let found = try blob.digestOfBlob()
        guard found == descriptor.digest else { throw mismatch("the blob has the digest \(found)") }
    }

    private func mismatch(_ reason: String) -> ImageStoreError {
        ImageStoreError(.digestMismatch, "fetch layer", descriptor.digest.description, reason)
    }
}
