// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Passes on a stream that was decompressed, and refuses one that was made to fill the disk: that is very long, and far
/// longer than the bytes it came from. Content that compresses so well, zeros, is kept as holes by whoever makes images.
package final class RatioLimit: BlockSource {
    private let source: any BlockSource
    private let limits: UnpackLimits
    private let compressed: () -> Int64
    private var plain: Int64 = 0

    /// `compressed` tells how many bytes the stream came from so far.
    package init(_ source: any BlockSource, _ limits: UnpackLimits, compressed: @escaping () -> Int64) {
        self.source = source
        self.limits = limits
        self.compressed = compressed
    }

    /// The next bytes. Throws `.tooLarge` when there are too many.
    package func nextBlock() throws -> UnsafeRawBufferPointer {
        let block = unsafe try source.nextBlock()
        plain += Int64(block.count)
        if plain > limits.ratioFrom, plain / limits.ratio > compressed() {
            let reason = "it unpacks to more than \(limits.ratio) times its size"
            throw ArchiveError(.tooLarge, "decompress layer", "", reason)
        }
        return unsafe block
    }
}
