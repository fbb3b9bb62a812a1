// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The names of a layer that is written to a file: which are there, in which directory, and what they name.
///
/// All of it is in the pages of a store, so that its memory has a bound: a name takes some 20 bytes there and its own length.
/// A name that is replaced stays where it is, so that it costs the same however often an archive brings it. What was in a
/// directory that is replaced stays too, and is not found any more.
struct EntryTree {
    /// What a name in a directory names, and how it is found again.
    struct Finding {
        fileprivate let place: NameIndex.Place
        fileprivate let value: UInt64
        /// Nil when the name is not there.
        var target: Target? { Target(value) }
    }

    static let root = 0
    /// In place of directories: what else is looked up by eight bytes.
    enum Notes: UInt32 {
        /// The number of names of an inode that may have several.
        case links = 0xFFFF_FFFF
        /// Files that are waited for, by the hashes of their paths.
        case waiting = 0xFFFF_FFFE
        /// Checksums of contents, by the inodes of files.
        case contents = 0xFFFF_FFFD
    }

    private var index: NameIndex
    private var directories: PagedRecords<DirectoryRecord>
    /// Names and attributes of directories.
    private var texts: PagedBytes
    private var notes = 0

    /// Only the root, which no entry brought.
    init(in store: PageStore) throws(ArchiveError) {
        index = try NameIndex(in: store)
        directories = PagedRecords(in: store)
        texts = PagedBytes(in: store)
        _ = try directories.append(DirectoryRecord(parent: Self.root, isImplied: true))
    }

    /// The number of names, also of those that were replaced.
    var count: Int { index.count - notes }
    /// The number of directories, also of those that were replaced.
    var directoryCount: Int { directories.count }

    private static func key(_ name: ArraySlice<UInt8>, in directory: Int) -> NameKey {
        NameKey(directory: UInt32(truncatingIfNeeded: directory), name: name)
    }

    // MARK: Finding

    /// What a name in a directory names.
    func find(_ name: ArraySlice<UInt8>, in directory: Int) throws(ArchiveError) -> Finding {
        let place = try index.find(Self.key(name, in: directory))
        return Finding(place: place, value: place.isFound ? try index.value(at: place) : Target.gone)
    }

    /// The record of a directory.
    func directory(_ directory: Int) throws(ArchiveError) -> DirectoryRecord { try directories.get(directory) }

    /// Changes the record of a directory.
    func change(_ directory: Int, _ body: (inout DirectoryRecord) -> Void) throws(ArchiveError) {
        var record = try directories.get(directory)
        body(&record)
        try directories.set(record, at: directory)
    }

    /// The attributes of a directory, encoded.
    func attributes(of record: DirectoryRecord) throws(ArchiveError) -> [UInt8] {
        try texts.read(Int(record.attributesSize), at: record.attributesPlace)
    }

    /// Whether the directory, and all above it, are still there.
    func isLive(_ directory: Int) throws(ArchiveError) -> Bool {
        var current = directory
        while current != Self.root {
            let record = try directories.get(current)
            if record.isGone { return false }
            current = Int(record.parent)
        }
        return true
    }

    /// Whether a directory is another one or in it, at any depth.
    func isWithin(_ directory: Int, _ other: Int) throws(ArchiveError) -> Bool {
        var current = directory
        while current != other {
            if current == Self.root { return false }
            current = Int(try directories.get(current).parent)
        }
        return true
    }

    /// Whether the archive did not bring a directory that is still there, the root left out, which belongs to no layer more
    /// than to another.
    func isImplied(_ directory: Int) throws(ArchiveError) -> Bool {
        guard directory != Self.root, try directories.get(directory).isImplied else { return false }
        return try isLive(directory)
    }

    /// Whether there is such a directory.
    func hasImplied() throws(ArchiveError) -> Bool {
        for directory in 0..<directories.count where try isImplied(directory) { return true }
        return false
    }

    /// The path of a directory from the root.
    func path(of directory: Int) throws(ArchiveError) -> EntryPath {
        var steps: [ArraySlice<UInt8>] = []
        var current = directory
        while current != Self.root {
            let record = try directories.get(current)
            steps.append(try texts.read(Int(record.nameSize), at: record.namePlace)[...])
            current = Int(record.parent)
        }
        return EntryPath(steps: steps.reversed())
    }

    // MARK: In order

    /// A name on the way through a directory in the order of the bytes, and what it names.
    struct Child {
        fileprivate let item: NameIndex.Item
        let target: Target
        /// A further name of an inode.
        let isShared: Bool
        var length: Int { item.length }
        /// The first two bytes of the name, zeros where it has none.
        var beginning: Int { item.beginning }
    }

    /// In front of the first name of a directory; valid as long as no name is added.
    func cursor(in directory: Int) throws(ArchiveError) -> NameIndex.Cursor {
        try index.cursor(in: UInt32(truncatingIfNeeded: directory))
    }

    /// The next name of the directory, nil behind the last one.
    func next(_ cursor: inout NameIndex.Cursor) throws(ArchiveError) -> Child? {
        while let item = try index.next(&cursor) {
            guard let target = Target(item.value) else { continue }
            return Child(item: item, target: target, isShared: item.value & Target.shared != 0)
        }
        return nil
    }

    /// Appends the name of one.
    func append(nameOf child: Child, to bytes: inout [UInt8]) throws(ArchiveError) {
        try index.append(nameOf: child.item, to: &bytes)
    }

    /// The first name of a directory that comes after another, for who adds some meanwhile.
    func child(of directory: Int, after name: [UInt8]?) throws(ArchiveError) -> (name: [UInt8], target: Target)? {
        var cursor = try index.cursor(in: UInt32(truncatingIfNeeded: directory), after: name)
        guard let child = try next(&cursor) else { return nil }
        var bytes: [UInt8] = []
        try append(nameOf: child, to: &bytes)
        return (bytes, child.target)
    }

    // MARK: Changing

    /// Gives a name a target, in place of what it names. `found` is what was found before.
    mutating func put(
        _ target: Target, _ name: ArraySlice<UInt8>, in directory: Int, _ found: Finding? = nil
    ) throws(ArchiveError) {
        try put(target.value, name, in: directory, found)
    }

    private mutating func put(
        _ value: UInt64, _ name: ArraySlice<UInt8>, in directory: Int, _ known: Finding?
    ) throws(ArchiveError) {
        let found: Finding
        if let known { found = known } else { found = try find(name, in: directory) }
        if case .directory(let there)? = found.target, value & ~Target.shared != found.value & ~Target.shared {
            try change(there) { $0.isGone = true }
        }
        try index.set(Self.key(name, in: directory), value, at: found.place)
    }

    /// Gives a name what another one names: an inode has both from now on, and `inode` is it, if it is there already.
    mutating func link(
        _ name: ArraySlice<UInt8>, in directory: Int, to other: ArraySlice<UInt8>, in holder: Int,
        _ inode: ErofsReference?
    ) throws(ArchiveError) {
        let found = try find(other, in: holder)
        let value = found.value | Target.shared
        try put(value, other, in: holder, found)
        if let inode, try note(.links, inode.rawValue) == nil { try setNote(.links, inode.rawValue, 0) }
        try put(value, name, in: directory, nil)
    }

    /// Adds a directory, in place of what has the name if it is there, and returns its number.
    mutating func addDirectory(
        _ name: ArraySlice<UInt8>, in parent: Int, _ found: Finding? = nil, isImplied: Bool
    ) throws(ArchiveError) -> Int {
        var record = DirectoryRecord(parent: parent, isImplied: isImplied)
        record.nameSize = UInt8(truncatingIfNeeded: name.count)
        record.namePlace = try texts.append(name)
        let directory = try directories.append(record)
        try put(.directory(directory), name, in: parent, found)
        return directory
    }

    /// Sets the attributes of a directory.
    mutating func describe(_ directory: Int, by attributes: DirectoryAttributes) throws(ArchiveError) {
        var skipped = 0
        let encoded = ErofsAttributes.encode(attributes.attributes, skipped: &skipped)
        let place = try texts.append(encoded[...])
        try change(directory) {
            $0.set(attributes)
            ($0.attributesPlace, $0.attributesSize) = (place, UInt32(encoded.count))
            $0.skippedAttributes = UInt16(clamping: skipped)
        }
    }

    /// Takes a directory away, with everything below it.
    mutating func removeDirectory(_ directory: Int) throws(ArchiveError) {
        let record = try directories.get(directory)
        let name = try texts.read(Int(record.nameSize), at: record.namePlace)
        try put(Target.gone, name[...], in: Int(record.parent), nil)
    }

    /// What was in a directory is in another one from now on, and it is no more.
    func merge(_ directory: Int, into other: Int) throws(ArchiveError) {
        try change(directory) {
            ($0.isGone, $0.isMerged) = (true, true)
            $0.parent = UInt32(truncatingIfNeeded: other)
        }
    }

    /// Where the names of a directory are now.
    func successor(of directory: Int) throws(ArchiveError) -> Int {
        var current = directory
        while true {
            let record = try directories.get(current)
            guard record.isMerged else { return current }
            current = Int(record.parent)
        }
    }

    /// Moves a name, with everything below it, to a directory that does not have it.
    mutating func move(_ name: ArraySlice<UInt8>, in old: Int, to new: Int) throws(ArchiveError) {
        let found = try find(name, in: old)
        try put(found.value, name, in: new, nil)
        try index.set(Self.key(name, in: old), Target.gone)
        if case .directory(let moved)? = found.target {
            try change(moved) { $0.parent = UInt32(truncatingIfNeeded: new) }
        }
    }

    // MARK: Notes

    /// What was noted about a number.
    func note(_ notes: Notes, _ number: UInt64) throws(ArchiveError) -> UInt64? {
        try index.value(NameKey(number, in: notes.rawValue))
    }

    /// Notes something about a number.
    mutating func setNote(_ notes: Notes, _ number: UInt64, _ value: UInt64) throws(ArchiveError) {
        let before = index.count
        try index.set(NameKey(number, in: notes.rawValue), value)
        self.notes += index.count - before
    }

    /// All that was noted, in the order of the numbers; nothing may be added meanwhile.
    func visit(_ notes: Notes, _ body: (_ number: UInt64, _ value: UInt64) throws -> Void) throws {
        var cursor = try index.cursor(in: notes.rawValue)
        while let item = try index.next(&cursor) {
            var bytes: [UInt8] = []
            try index.append(nameOf: item, to: &bytes)
            try body(bytes.reduce(0) { $0 << 8 | UInt64($1) }, item.value)
        }
    }

    // MARK: The end

    /// Finds out which directories can be reached from the root.
    func markReached() throws(ArchiveError) {
        try change(Self.root) { $0.reach = .reached }
        for directory in 1..<max(1, directories.count) {
            let reach = try reach(of: directory)
            var current = directory
            while try directories.get(current).reach == .unknown {
                try change(current) { $0.reach = reach }
                current = Int(try directories.get(current).parent)
            }
        }
    }

    /// What is known of the first directory upwards of which anything is; what is gone is known to be lost.
    private func reach(of directory: Int) throws(ArchiveError) -> DirectoryRecord.Reach {
        var current = directory
        while true {
            let record = try directories.get(current)
            if record.reach != .unknown { return record.reach }
            if record.isGone {
                try change(current) { $0.reach = .lost }
                return .lost
            }
            current = Int(record.parent)
        }
    }
}
