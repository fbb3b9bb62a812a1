// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Bytes one behind the other in the pages of a store.
struct PagedBytes {
    private let store: PageStore
    private var pages: [UInt32] = []
    /// How many there are.
    private(set) var count = 0

    /// None yet.
    init(in store: PageStore) { self.store = store }

    /// Adds bytes, and returns where they begin.
    @discardableResult
    mutating func append(_ bytes: ArraySlice<UInt8>) throws(ArchiveError) -> Int {
        let start = count
        let missing = (start + bytes.count + PageStore.pageSize - 1) / PageStore.pageSize - pages.count
        for _ in 0..<max(0, missing) { pages.append(try store.newPage()) }
        try write(bytes, at: start)
        count += bytes.count
        return start
    }

    /// Adds eight bytes.
    @discardableResult
    mutating func append(_ number: UInt64) throws(ArchiveError) -> Int { try append(Self.bytes(of: number)) }

    /// Replaces eight bytes.
    func set(_ number: UInt64, at offset: Int) throws(ArchiveError) { try write(Self.bytes(of: number), at: offset) }

    /// Eight bytes as a number.
    func number(at offset: Int) throws(ArchiveError) -> UInt64 {
        try read(8, at: offset).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// So many bytes.
    func read(_ count: Int, at offset: Int) throws(ArchiveError) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            let place = offset + bytes.count
            let inside = place % PageStore.pageSize
            let size = min(count - bytes.count, PageStore.pageSize - inside)
            let memory = unsafe try store.memory(of: pages[place / PageStore.pageSize], changes: false)
            unsafe bytes.append(contentsOf: UnsafeMutableRawBufferPointer(start: memory + inside, count: size))
        }
        return bytes
    }

    private func write(_ bytes: ArraySlice<UInt8>, at offset: Int) throws(ArchiveError) {
        var (rest, place) = (bytes, offset)
        while !rest.isEmpty {
            let inside = place % PageStore.pageSize
            let size = min(rest.count, PageStore.pageSize - inside)
            let memory = unsafe try store.memory(of: pages[place / PageStore.pageSize], changes: true)
            unsafe UnsafeMutableRawBufferPointer(start: memory + inside, count: size).copyBytes(from: rest.prefix(size))
            rest = rest.dropFirst(size)
            place += size
        }
    }

    private static func bytes(of number: UInt64) -> ArraySlice<UInt8> {
        (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * UInt64($0))) }[...]
    }
}
