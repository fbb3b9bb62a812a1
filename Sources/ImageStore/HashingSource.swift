// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Archive
internal import OCIImageSpec

/// Passes a stream on and computes its digest.
final class HashingSource: BlockSource {
    private let source: any BlockSource
    private var hasher: Digest.Hasher

    init(_ source: any BlockSource, _ algorithm: Digest.Algorithm) {
        self.source = source
        hasher = Digest.Hasher(algorithm)
    }

    func nextBlock() throws -> UnsafeRawBufferPointer {
        let block = unsafe try source.nextBlock()
        unsafe hasher.update(block)
        return unsafe block
    }

    /// Reads the rest, and returns the digest of all.
    func digestOfAll() throws -> Digest {
        while unsafe try nextBlock().count > 0 {}
        return hasher.finalize()
    }
}
