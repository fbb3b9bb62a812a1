// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Values of 64 bits by names in directories, in the order of these: a tree of pages (B+-tree) in a store. Nothing is ever
/// taken out.
struct NameIndex {
    /// Where a key is, or belongs.
    struct Place {
        fileprivate var page: UInt32
        fileprivate var index: Int
        /// Whether the key is there.
        var isFound: Bool
        /// How many keys there were: more than that, and the place is another one.
        fileprivate var count: Int
    }

    private let store: PageStore
    private var root: UInt32
    /// A page for copies.
    private let scratch: UInt32
    /// The number of keys.
    private(set) var count = 0
    /// Where a key was added last: names often come in their order.
    private var last: (page: UInt32, index: Int) = (PageStore.none, 0)

    /// Without keys.
    init(in store: PageStore) throws(ArchiveError) {
        self.store = store
        scratch = try store.newPage()
        root = try store.newPage()
        try page(root, changes: true).clear(level: 0, next: PageStore.none)
    }

    private func page(_ number: UInt32, changes: Bool = false) throws(ArchiveError) -> NamePage {
        unsafe NamePage(try store.memory(of: number, changes: changes))
    }

    // MARK: Finding

    /// The place of a key.
    func find(_ key: NameKey) throws(ArchiveError) -> Place {
        var number = root
        while true {
            let page = try page(number)
            let (index, isFound) = page.search(key)
            if page.level == 0 { return Place(page: number, index: index, isFound: isFound, count: count) }
            number = UInt32(truncatingIfNeeded: page.value(Self.child(index, isFound)))
        }
    }

    /// The cell whose page has a key for which a search in a page above ends there: the last one that is not behind it.
    private static func child(_ index: Int, _ isFound: Bool) -> Int { isFound ? index : max(0, index - 1) }

    /// The value at the place of a key that is there.
    func value(at place: Place) throws(ArchiveError) -> UInt64 { try page(place.page).value(place.index) }

    /// The value of a key, nil when the key is not there.
    func value(_ key: NameKey) throws(ArchiveError) -> UInt64? {
        let place = try find(key)
        return place.isFound ? try value(at: place) : nil
    }

    // MARK: Changing

    /// Sets the value of a key, which may be new. `place` is where it was found or missed; it may be one of before.
    mutating func set(_ key: NameKey, _ value: UInt64, at known: Place? = nil) throws(ArchiveError) {
        let place: Place
        if let known, known.count == count { place = known } else { place = try find(key) }
        let page = try page(place.page, changes: true)
        if place.isFound { return page.setValue(value, place.index) }
        if page.hasRoom(for: key.name.count) {
            page.insert(key, value, at: place.index)
            last = (place.page, place.index)
        } else {
            try insertSplitting(key, value)
        }
        count += 1
    }

    private mutating func insertSplitting(_ key: NameKey, _ value: UInt64) throws(ArchiveError) {
        // The way from the root, and which cell it takes in each page.
        var way: [(page: UInt32, index: Int)] = []
        var (number, index) = (root, 0)
        while true {
            let page = try page(number)
            let found = page.search(key)
            index = found.index
            if page.level == 0 { break }
            let child = Self.child(found.index, found.isFound)
            way.append((number, child))
            number = UInt32(truncatingIfNeeded: page.value(child))
        }
        var added = try split(number, key, value, at: index)
        while let above = way.popLast() {
            let page = try page(above.page, changes: true)
            if page.hasRoom(for: added.key.name.count) {
                return page.insert(added.key, UInt64(added.page), at: above.index + 1)
            }
            added = try split(above.page, added.key, UInt64(added.page), at: above.index + 1)
        }
        try raiseRoot(added.key, added.page)
    }

    /// Moves a part of the cells of a page to a new one and adds one to either. Returns the new page, and its first key.
    private mutating func split(
        _ number: UInt32, _ key: NameKey, _ value: UInt64, at index: Int
    ) throws(ArchiveError) -> (key: NameKey, page: UInt32) {
        let added = try store.newPage()
        let (right, whole, left) = (
            try page(added, changes: true), try page(scratch, changes: true), try page(number, changes: true)
        )
        whole.copy(left)
        // Where names come in their order, the pages that they leave behind are full. None is left nearly empty, else an
        // archive could have a page for each few of its names.
        let follows = last.page == number && last.index + 1 == index && index >= whole.count / 8
        let middle = index == whole.count || follows ? index : whole.half
        left.clear(level: whole.level, next: added)
        right.clear(level: whole.level, next: whole.next)
        for cell in 0..<middle { left.append(cell, of: whole) }
        for cell in middle..<whole.count { right.append(cell, of: whole) }
        let isLeft = index < middle || index == middle && middle < whole.count && left.hasRoom(for: key.name.count)
        if isLeft { left.insert(key, value, at: index) } else { right.insert(key, value, at: index - middle) }
        if whole.level == 0 { last = isLeft ? (number, index) : (added, index - middle) }
        return (NameKey(directory: right.directory(0), name: right.name(0)[...]), added)
    }

    private mutating func raiseRoot(_ key: NameKey, _ added: UInt32) throws(ArchiveError) {
        let number = try store.newPage()
        let level = try page(root).level + 1
        let page = try page(number, changes: true)
        page.clear(level: level, next: PageStore.none)
        page.insert(NameKey(directory: 0, name: []), UInt64(root), at: 0)
        page.insert(key, UInt64(added), at: 1)
        root = number
    }

    // MARK: In order

    /// A key on the way through a directory, as long as none is added.
    struct Cursor: BitwiseCopyable {
        fileprivate let directory: UInt32
        fileprivate var page: UInt32
        fileprivate var index: UInt32
    }

    /// One that is on the way.
    struct Item {
        fileprivate let page: UInt32
        fileprivate let index: Int
        /// The length of the name.
        let length: Int
        /// The first two bytes of the name, zeros where it has none.
        let beginning: Int
        let value: UInt64
    }

    /// In front of the first name of a directory, or of the first that comes after another.
    func cursor(in directory: UInt32, after name: [UInt8]? = nil) throws(ArchiveError) -> Cursor {
        let place = try find(NameKey(directory: directory, name: name?[...] ?? []))
        let isPassed = name != nil && place.isFound
        return Cursor(directory: directory, page: place.page, index: UInt32(place.index) + (isPassed ? 1 : 0))
    }

    /// The next name of the directory, nil behind the last one.
    func next(_ cursor: inout Cursor) throws(ArchiveError) -> Item? {
        while cursor.page != PageStore.none {
            let page = try page(cursor.page)
            let index = Int(cursor.index)
            if index < page.count {
                guard page.directory(index) == cursor.directory else { return nil }
                cursor.index += 1
                return Item(
                    page: cursor.page, index: index, length: page.length(index), beginning: page.beginning(index),
                    value: page.value(index))
            }
            (cursor.page, cursor.index) = (page.next, 0)
        }
        return nil
    }

    /// Appends the name of one.
    func append(nameOf item: Item, to bytes: inout [UInt8]) throws(ArchiveError) {
        try page(item.page).append(name: item.index, to: &bytes)
    }
}
