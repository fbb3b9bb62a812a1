// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A name in a directory, by which a `NameIndex` is ordered: by the number of the directory, then by the bytes of the name.
struct NameKey: Hashable {
    var directory: UInt32
    /// At most 255 bytes.
    var name: ArraySlice<UInt8>
}

extension NameKey {
    /// A number in place of a name; such keys are in the order of their numbers.
    init(_ number: UInt64, in directory: UInt32) {
        let bytes = (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * UInt64($0))) }
        self.init(directory: directory, name: bytes[...])
    }
}

/// One page of a `NameIndex`: cells in the order of their keys.
///
///     0     16 bits number of cells, 16 bits where the lowest cell is, 16 bits level, 16 bits of nothing
///     8     32 bits next page of the same level
///     12    for each cell, in the order of their keys, 16 bits where it is
///     ...   cells, from the end downwards: 64 bits value, 32 bits directory, 8 bits length of the name, name
@safe struct NamePage {
    private let memory: UnsafeMutableRawPointer
    private static let headSize = 12
    private static let cellHead = 13

    /// On the memory of a page, and valid as long as that.
    init(_ memory: UnsafeMutableRawPointer) { unsafe self.memory = memory }

    /// The number of cells.
    var count: Int { short(0) }
    /// Zero for names themselves; pages above have pages as the values of their cells.
    var level: Int { short(4) }
    /// The page behind this one, if there is one.
    var next: UInt32 { unsafe memory.load(fromByteOffset: 8, as: UInt32.self) }
    private var lowest: Int { short(2) }

    private func short(_ offset: Int) -> Int { unsafe Int(memory.load(fromByteOffset: offset, as: UInt16.self)) }

    private func setShort(_ value: Int, _ offset: Int) {
        unsafe memory.storeBytes(of: UInt16(truncatingIfNeeded: value), toByteOffset: offset, as: UInt16.self)
    }

    private func place(_ index: Int) -> Int { short(Self.headSize + 2 * index) }

    /// Makes it a page without cells.
    func clear(level: Int, next: UInt32) {
        setShort(0, 0)
        setShort(PageStore.pageSize, 2)
        setShort(level, 4)
        unsafe memory.storeBytes(of: next, toByteOffset: 8, as: UInt32.self)
    }

    /// Makes it the same as another page.
    func copy(_ other: NamePage) { unsafe memory.copyMemory(from: other.memory, byteCount: PageStore.pageSize) }

    // MARK: Cells

    /// The directory of a cell's key.
    func directory(_ index: Int) -> UInt32 {
        unsafe memory.loadUnaligned(fromByteOffset: place(index) + 8, as: UInt32.self)
    }

    /// The length of the name in a cell's key.
    func length(_ index: Int) -> Int { length(at: place(index)) }

    private func length(at cell: Int) -> Int { unsafe Int(memory.load(fromByteOffset: cell + 12, as: UInt8.self)) }

    /// The name in a cell's key.
    func name(_ index: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        append(name: index, to: &bytes)
        return bytes
    }

    /// Appends the name in a cell's key.
    func append(name index: Int, to bytes: inout [UInt8]) {
        let cell = place(index)
        let name = unsafe UnsafeMutableRawBufferPointer(start: memory + cell + Self.cellHead, count: length(at: cell))
        unsafe bytes.append(contentsOf: name)
    }

    /// The first two bytes of the name, zeros where it has none.
    func beginning(_ index: Int) -> Int {
        let cell = place(index)
        let length = length(at: cell)
        let name = cell + Self.cellHead
        let first = unsafe length > 0 ? Int(memory.load(fromByteOffset: name, as: UInt8.self)) : 0
        let second = unsafe length > 1 ? Int(memory.load(fromByteOffset: name + 1, as: UInt8.self)) : 0
        return first << 8 | second
    }

    /// What a cell holds.
    func value(_ index: Int) -> UInt64 { unsafe memory.loadUnaligned(fromByteOffset: place(index), as: UInt64.self) }

    /// Replaces what a cell holds.
    func setValue(_ value: UInt64, _ index: Int) {
        unsafe memory.storeBytes(of: value, toByteOffset: place(index), as: UInt64.self)
    }

    /// The first cell whose key is not before that one, and whether it has that one.
    func search(_ key: NameKey) -> (index: Int, isFound: Bool) {
        unsafe key.name.withUnsafeBytes { wanted -> (index: Int, isFound: Bool) in
            var (low, high) = (0, count)
            while low < high {
                let middle = (low + high) / 2
                let order = unsafe compare(middle, key.directory, wanted)
                if order == 0 { return (middle, true) }
                if order < 0 { low = middle + 1 } else { high = middle }
            }
            return (low, false)
        }
    }

    /// Below zero when the cell's key is before the other one.
    private func compare(_ index: Int, _ directory: UInt32, _ name: UnsafeRawBufferPointer) -> Int {
        let cell = place(index)
        let found = unsafe memory.loadUnaligned(fromByteOffset: cell + 8, as: UInt32.self)
        if found != directory { return found < directory ? -1 : 1 }
        let start = cell + Self.cellHead
        let length = length(at: cell)
        let common = min(length, name.count)
        var offset = 0
        while offset + 8 <= common {
            let first = unsafe memory.loadUnaligned(fromByteOffset: start + offset, as: UInt64.self).bigEndian
            let second = unsafe name.loadUnaligned(fromByteOffset: offset, as: UInt64.self).bigEndian
            if first != second { return first < second ? -1 : 1 }
            offset += 8
        }
        while offset < common {
            let first = unsafe memory.load(fromByteOffset: start + offset, as: UInt8.self)
            let second = unsafe name[offset]
            if first != second { return first < second ? -1 : 1 }
            offset += 1
        }
        return length - name.count
    }

    // MARK: Changes

    /// Whether a cell with a name of that length has room.
    func hasRoom(for length: Int) -> Bool {
        lowest - Self.headSize - 2 * count >= Self.cellHead + length + 2
    }

    /// Adds a cell for which there is room.
    func insert(_ key: NameKey, _ value: UInt64, at index: Int) {
        let length = key.name.count
        let cell = lowest - Self.cellHead - length
        unsafe memory.storeBytes(of: value, toByteOffset: cell, as: UInt64.self)
        unsafe memory.storeBytes(of: key.directory, toByteOffset: cell + 8, as: UInt32.self)
        unsafe memory.storeBytes(of: UInt8(truncatingIfNeeded: length), toByteOffset: cell + 12, as: UInt8.self)
        unsafe UnsafeMutableRawBufferPointer(start: memory + cell + Self.cellHead, count: length)
            .copyBytes(from: key.name)
        add(cell, at: index)
    }

    private func add(_ cell: Int, at index: Int) {
        let slot = Self.headSize + 2 * index
        unsafe (memory + slot + 2).copyMemory(from: memory + slot, byteCount: 2 * (count - index))
        setShort(cell, slot)
        setShort(count + 1, 0)
        setShort(cell, 2)
    }

    /// Adds a cell of another page behind those that are here.
    func append(_ index: Int, of other: NamePage) {
        let source = other.place(index)
        let size = Self.cellHead + other.length(at: source)
        let cell = lowest - size
        unsafe (memory + cell).copyMemory(from: other.memory + source, byteCount: size)
        add(cell, at: count)
    }

    /// How many cells the lower half of the bytes has.
    var half: Int {
        let all = PageStore.pageSize - lowest
        var (cells, bytes) = (0, 0)
        while cells < count - 1, bytes < all / 2 {
            bytes += Self.cellHead + length(cells)
            cells += 1
        }
        return cells
    }
}
