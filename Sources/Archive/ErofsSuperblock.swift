// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The superblock: 128 bytes at byte 1024 of the file. See `ErofsFormat`.
struct ErofsSuperblock {
    /// What compact inodes have as their time.
    var time: Timestamp
    var inodes: UInt64
    var blocks: UInt32
    var hasChunks: Bool
    /// 16 bytes that no other layer has: overlayfs tells file systems apart by them.
    var identity: [UInt8]

    /// Checksum, and times that are modification times.
    private static let compatible: UInt32 = 0x1 | 0x2
    private static let chunkedFiles: UInt32 = 0x4

    /// Writes it into block 0, whose other bytes are final: the checksum covers all of the block behind the first 1024
    /// bytes.
    func store(in block: UnsafeMutableRawBufferPointer) {
        let memory = unsafe UnsafeMutableRawBufferPointer(
            rebasing: block[ErofsFormat.superblockOffset..<ErofsFormat.blockSize])
        func put(_ value: some FixedWidthInteger, _ offset: Int) {
            unsafe memory.storeBytes(of: value.littleEndian, toByteOffset: offset, as: type(of: value))
        }
        put(0xE0F5_E1E2 as UInt32, 0)
        put(0 as UInt32, 4)
        put(Self.compatible, 8)
        put(12 as UInt8, 12)
        put(UInt16(ErofsFormat.rootOffset / ErofsFormat.slot), 14)
        put(inodes, 16)
        put(time.seconds, 24)
        put(UInt32(truncatingIfNeeded: time.nanoseconds), 32)
        put(blocks, 36)
        unsafe UnsafeMutableRawBufferPointer(rebasing: memory[48..<64]).copyBytes(from: identity.prefix(16))
        put(hasChunks ? Self.chunkedFiles : 0, 80)
        unsafe put(Self.checksum(UnsafeRawBufferPointer(memory)), 4)
    }

    /// CRC-32C as the kernel computes it, without the inversion at the end. Once for each layer: it need not be fast.
    static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var value = UInt32.max
        for index in 0..<bytes.count {
            value ^= unsafe UInt32(bytes[index])
            for _ in 0..<8 { value = value >> 1 ^ (value & 1 == 1 ? 0x82F6_3B78 : 0) }
        }
        return value
    }
}
