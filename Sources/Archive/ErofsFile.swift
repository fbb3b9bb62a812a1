// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The file of an EROFS image while it is written: hands out blocks from its beginning to its end.
///
/// Contents go through a buffer in the order in which they come. Inodes collect in a group of blocks whose place in the
/// file is reserved before, and which is written when it is full; so neither is kept in memory. What was reserved and not
/// written is a hole, and reads as zeros.
@safe final class ErofsFile {
    private static let blockSize = ErofsFormat.blockSize
    private static let bufferSize = 1 << 20
    private static let groupLimit = 64
    /// Pieces that are so long are written from where they are: the copy would cost more than the call.
    private static let directSize = 1 << 15

    private let file: SharedFD
    private var sum = BlockChecksum()
    /// The blocks that have been handed out.
    private(set) var blocks: UInt64 = 1

    /// The contents that are not written yet, and where they belong. Without memory when there are none.
    private var buffer = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var buffered = 0
    private var bufferOffset: Int64 = 0

    /// The blocks for inodes: their memory, the first one's number, and the bytes that are used of each open one.
    private var group = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var groupStart: UInt64 = 0
    private var groupSize = 0
    private var used: [Int] = []

    init(_ file: SharedFD) { self.file = file }

    deinit {
        unsafe buffer.deallocate()
        unsafe group.deallocate()
    }

    /// Hands out consecutive blocks and returns the number of the first. Throws EFBIG beyond 16 TiB.
    func reserve(_ count: UInt64) throws(Errno) -> UInt64 {
        guard count <= ErofsFormat.blockLimit - blocks else { throw .EFBIG }
        defer { blocks += count }
        return blocks
    }

    // MARK: Contents

    /// The next bytes of contents, which belong to that place.
    func append(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(Errno) {
        let gap = offset - bufferOffset - Int64(buffered)
        if buffered > 0, gap > 0, gap < Self.blockSize, buffered + Int(gap) <= Self.bufferSize { fill(Int(gap)) }
        if offset != bufferOffset + Int64(buffered) || buffered + bytes.count > Self.bufferSize { try flushContents() }
        guard bytes.count < Self.directSize else { return unsafe try write(bytes, at: offset) }
        if unsafe buffer.count == 0 {
            unsafe buffer = .allocate(byteCount: Self.bufferSize, alignment: Self.blockSize)
        }
        if buffered == 0 { bufferOffset = offset }
        unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[buffered...]).copyMemory(from: bytes)
        buffered += bytes.count
    }

    /// The same of an array.
    func append(_ bytes: [UInt8], at offset: Int64) throws(Errno) {
        unsafe try bytes.withUnsafeBufferPointer { buffer throws(Errno) in
            unsafe try append(UnsafeRawBufferPointer(buffer), at: offset)
        }
    }

    /// Fills the last block with zeros, so that the next contents follow without a gap.
    func endContents() {
        let rest = (Self.blockSize - Int((bufferOffset + Int64(buffered)) % Int64(Self.blockSize))) % Self.blockSize
        if buffered > 0, buffered + rest <= Self.bufferSize { fill(rest) }
    }

    private func fill(_ count: Int) {
        unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[buffered..<buffered + count])
            .initializeMemory(as: UInt8.self, repeating: 0)
        buffered += count
    }

    private func flushContents() throws(Errno) {
        guard buffered > 0 else { return }
        unsafe try put(UnsafeRawBufferPointer(rebasing: buffer[..<buffered]), at: bufferOffset)
        buffered = 0
    }

    /// Bytes at any place that was reserved for nothing else. A block that is written in pieces gets them in their order,
    /// and none of another block between them.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(Errno) {
        try flushContents()
        unsafe try put(bytes, at: offset)
    }

    private func put(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(Errno) {
        unsafe sum.add(bytes, at: offset)
        unsafe try Syscall.writeAll(file.rawValue, bytes, at: offset)
    }

    /// Changes bytes of one block that were written and flushed.
    func patch(_ bytes: [UInt8], at offset: Int64) throws(Errno) {
        let (block, size) = (offset / Int64(Self.blockSize), Self.blockSize)
        var old = try Syscall.read(file.rawValue, upTo: size, at: block * Int64(size))
        // What is not there yet is zero.
        old += [UInt8](repeating: 0, count: size - old.count)
        var new = old
        let start = Int(offset % Int64(size))
        new.replaceSubrange(start..<start + bytes.count, with: bytes)
        sum.replace(old, by: new, number: block)
        unsafe try bytes.withUnsafeBufferPointer { buffer throws(Errno) in
            unsafe try Syscall.writeAll(file.rawValue, UnsafeRawBufferPointer(buffer), at: offset)
        }
    }

    // MARK: Inodes

    /// A place of at most one block for an inode and what belongs to it, and the memory, zero, to write it to before
    /// another place is asked for.
    func place(_ size: Int) throws(Errno) -> (offset: Int64, memory: UnsafeMutableRawBufferPointer) {
        // The blocks opened last: older ones have hardly room for anything.
        for block in (max(0, used.count - 16)..<used.count).reversed() where used[block] + size <= Self.blockSize {
            return unsafe take(size, of: block)
        }
        if used.count == groupSize { try beginGroup() }
        let block = used.count
        used.append(0)
        unsafe UnsafeMutableRawBufferPointer(
            rebasing: group[block * Self.blockSize..<(block + 1) * Self.blockSize]
        ).initializeMemory(as: UInt8.self, repeating: 0)
        return unsafe take(size, of: block)
    }

    private func take(_ size: Int, of block: Int) -> (offset: Int64, memory: UnsafeMutableRawBufferPointer) {
        let start = block * Self.blockSize + used[block]
        let slot = ErofsFormat.slot
        used[block] = min(Self.blockSize, (used[block] + size + slot - 1) / slot * slot)
        return unsafe (
            Int64(groupStart) * Int64(Self.blockSize) + Int64(start),
            UnsafeMutableRawBufferPointer(rebasing: group[start..<start + size])
        )
    }

    private func beginGroup() throws(Errno) {
        try flushInodes()
        if unsafe group.count == 0 {
            unsafe group = .allocate(byteCount: Self.groupLimit * Self.blockSize, alignment: Self.blockSize)
        }
        // Small layers get small files.
        groupSize = min(Self.groupLimit, max(4, groupSize * 2))
        groupStart = try reserve(UInt64(groupSize))
        used = []
    }

    private func flushInodes() throws(Errno) {
        guard !used.isEmpty else { return }
        let bytes = unsafe UnsafeRawBufferPointer(rebasing: group[..<(used.count * Self.blockSize)])
        unsafe try put(bytes, at: Int64(groupStart) * Int64(Self.blockSize))
    }

    /// Writes everything that is still in memory. Blocks that were reserved for inodes at the end of the file, and are not
    /// needed, are given back.
    func flush() throws(Errno) {
        try flushContents()
        try flushInodes()
        if groupStart + UInt64(groupSize) == blocks { blocks = groupStart + UInt64(used.count) }
        (used, groupSize) = ([], 0)
    }

    /// Writes everything that is in memory and gives the memory back until more comes.
    func rest() throws(Errno) {
        try flush()
        unsafe buffer.deallocate()
        unsafe group.deallocate()
        unsafe buffer = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        unsafe group = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }

    /// Sets the length of the file to the blocks that were handed out, and returns the checksum of all of it.
    func finish() throws(Errno) -> String {
        try rest()
        let length = Int64(blocks) * Int64(Self.blockSize)
        try Syscall.setLength(of: file.rawValue, length)
        return Checksum.text(sum.value(length: length))
    }
}
