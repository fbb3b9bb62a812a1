// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A stream of bytes that is pulled block by block, on one thread, without a copy per step.
package protocol BlockSource: AnyObject {
    /// The next bytes; empty at the end, and from then on. They stay valid until the next call.
    func nextBlock() throws -> UnsafeRawBufferPointer
}

/// Bytes in memory as a stream, in blocks of a chosen size.
package final class MemorySource: BlockSource {
    private let bytes: [UInt8]
    private let blockSize: Int
    private var offset = 0
    private var block: [UInt8] = []

    /// All the bytes, handed out `blockSize` at a time.
    package init(_ bytes: [UInt8], blockSize: Int = 1 << 16) {
        self.bytes = bytes
        self.blockSize = blockSize
    }

    /// The next bytes.
    package func nextBlock() -> UnsafeRawBufferPointer {
        let end = min(bytes.count, offset + blockSize)
        block = Array(bytes[offset..<end])
        offset = end
        // The array is kept in `block`, so its storage outlives this call and stays until the next.
        return unsafe block.withUnsafeBytes { unsafe $0 }
    }
}
