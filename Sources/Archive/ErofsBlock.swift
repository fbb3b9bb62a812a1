// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Which entries go into which block of a directory's content.
struct ErofsBlockSize {
    /// The blocks that are full, and the bytes of the one behind them.
    private(set) var full: UInt32 = 0
    private(set) var used = 0

    /// Adds an entry, and returns whether it is the first one of another block.
    mutating func add(_ nameSize: Int) -> Bool {
        let size = ErofsFormat.entrySize + nameSize
        guard used + size > ErofsFormat.blockSize else {
            used += size
            return false
        }
        full += 1
        used = size
        return true
    }
}

/// A block of a directory's content while it is made: see `ErofsFormat`.
struct ErofsBlock {
    private var entries: [(number: UInt64, type: ErofsFormat.FileType, nameSize: Int)] = []
    /// The names, to be appended by who adds an entry.
    var names: [UInt8] = []

    mutating func add(_ number: UInt64, _ type: ErofsFormat.FileType, nameSize: Int) {
        entries.append((number, type, nameSize))
    }

    /// The bytes of the block, zeros behind those that are used; the next block begins empty.
    mutating func take(size: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: size)
        var name = entries.count * ErofsFormat.entrySize
        unsafe bytes.withUnsafeMutableBytes { memory in
            unsafe UnsafeMutableRawBufferPointer(rebasing: memory[name...]).copyBytes(from: names)
            for (index, entry) in entries.enumerated() {
                let offset = index * ErofsFormat.entrySize
                unsafe memory.storeBytes(of: entry.number.littleEndian, toByteOffset: offset, as: UInt64.self)
                let place = UInt16(truncatingIfNeeded: name).littleEndian
                unsafe memory.storeBytes(of: place, toByteOffset: offset + 8, as: UInt16.self)
                unsafe memory[offset + 10] = entry.type.rawValue
                name += entry.nameSize
            }
        }
        entries.removeAll(keepingCapacity: true)
        names.removeAll(keepingCapacity: true)
        return bytes
    }
}
