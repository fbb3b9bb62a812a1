// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Values of one size in the pages of a store.
struct PagedRecords<Record: BitwiseCopyable> {
    private let store: PageStore
    private var pages: [UInt32] = []
    /// How many there are.
    private(set) var count = 0

    /// None yet.
    init(in store: PageStore) { self.store = store }

    private static var perPage: Int { PageStore.pageSize / MemoryLayout<Record>.stride }

    /// The record with that number.
    func get(_ index: Int) throws(ArchiveError) -> Record {
        let (page, offset) = place(index)
        let memory = unsafe try store.memory(of: page, changes: false)
        return unsafe memory.load(fromByteOffset: offset, as: Record.self)
    }

    /// Replaces the record with that number.
    func set(_ record: Record, at index: Int) throws(ArchiveError) {
        let (page, offset) = place(index)
        let memory = unsafe try store.memory(of: page, changes: true)
        unsafe memory.storeBytes(of: record, toByteOffset: offset, as: Record.self)
    }

    /// Adds a record, and returns its number.
    mutating func append(_ record: Record) throws(ArchiveError) -> Int {
        if count % Self.perPage == 0 { pages.append(try store.newPage()) }
        count += 1
        try set(record, at: count - 1)
        return count - 1
    }

    private func place(_ index: Int) -> (page: UInt32, offset: Int) {
        (pages[index / Self.perPage], index % Self.perPage * MemoryLayout<Record>.stride)
    }
}
