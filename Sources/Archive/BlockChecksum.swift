// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CXXHash
package import Linux

/// The checksum of a file that is not written from its beginning to its end: the sum of those of its blocks of 4096 bytes,
/// each seeded with its number. A block of zeros adds nothing, so that a hole is the same as zeros that were written.
///
/// Every byte is added once. Whole blocks may come in any order; the pieces of a block come in their order, and no piece
/// of another block between them.
@safe package struct BlockChecksum {
    private static let blockSize = ErofsFormat.blockSize

    private var sum: UInt64 = 0
    /// The beginning of a block of which the rest is still to come, and the number of the block.
    private var part: [UInt8] = []
    private var partBlock: Int64 = 0

    /// Of a file of zeros.
    package init() { part.reserveCapacity(Self.blockSize) }

    /// Adds bytes that belong to the offset.
    mutating func add(_ bytes: UnsafeRawBufferPointer, at offset: Int64) {
        let size = Int64(Self.blockSize)
        var (rest, position) = unsafe (bytes, offset)
        while rest.count > 0 {
            let inside = Int(position % size)
            let count: Int
            if inside == 0, rest.count >= Self.blockSize {
                count = rest.count / Self.blockSize * Self.blockSize
                for start in stride(from: 0, to: count, by: Self.blockSize) {
                    let block = unsafe UnsafeRawBufferPointer(rebasing: rest[start..<start + Self.blockSize])
                    unsafe sum &+= Self.value(of: block, number: (position + Int64(start)) / size)
                }
            } else {
                count = min(rest.count, Self.blockSize - inside)
                unsafe addPart(UnsafeRawBufferPointer(rebasing: rest[..<count]), inside, of: position / size)
            }
            unsafe rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            position += Int64(count)
        }
    }

    private mutating func addPart(_ bytes: UnsafeRawBufferPointer, _ inside: Int, of block: Int64) {
        if block != partBlock { endPart() }
        partBlock = block
        while part.count < inside { part.append(0) }
        unsafe part.append(contentsOf: bytes)
        if part.count == Self.blockSize { endPart() }
    }

    /// What is missing of the last block is zero.
    private mutating func endPart() {
        guard !part.isEmpty else { return }
        while part.count < Self.blockSize { part.append(0) }
        let number = partBlock
        unsafe part.withUnsafeBytes { unsafe sum &+= Self.value(of: $0, number: number) }
        part.removeAll(keepingCapacity: true)
    }

    /// Takes account of a change in a block that is complete.
    mutating func replace(_ old: [UInt8], by new: [UInt8], number: Int64) {
        endPart()
        unsafe old.withUnsafeBytes { unsafe sum &-= Self.value(of: $0, number: number) }
        unsafe new.withUnsafeBytes { unsafe sum &+= Self.value(of: $0, number: number) }
    }

    private static func value(of block: UnsafeRawBufferPointer, number: Int64) -> UInt64 {
        if unsafe cx_is_zero(block.baseAddress, block.count) != 0 { return 0 }
        return unsafe XXH3_64bits_withSeed(block.baseAddress, block.count, UInt64(bitPattern: number))
    }

    /// The checksum of a file of that length, with what was added.
    mutating func value(length: Int64) -> UInt64 {
        endPart()
        return unsafe withUnsafeBytes(of: sum.littleEndian) {
            unsafe XXH3_64bits_withSeed($0.baseAddress, $0.count, UInt64(bitPattern: length))
        }
    }

    /// The checksum of the file, as the database keeps it. The file is read from where it stands.
    package static func of(_ file: Int32) throws(Errno) -> String { Checksum.text(try value(of: file)) }

    /// The checksum of the file, which is read from where it stands.
    static func value(of file: Int32) throws(Errno) -> UInt64 {
        var checksum = BlockChecksum()
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 4096)
        defer { unsafe memory.deallocate() }
        var length: Int64 = 0
        while true {
            let count = unsafe try Syscall.read(file, into: memory)
            if count == 0 { return checksum.value(length: length) }
            unsafe checksum.add(UnsafeRawBufferPointer(rebasing: memory[..<count]), at: length)
            length += Int64(count)
        }
    }
}
