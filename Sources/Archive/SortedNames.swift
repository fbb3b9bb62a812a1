// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The names in directories in the order of their bytes, for a walk down a tree. Few are sorted in memory; where there are
/// many, in a directory or in all that the walk is in, they are in pages of a store.
struct SortedNames {
    /// Those of one directory that have not been taken yet.
    struct List {
        /// The next ones, the first of them last.
        fileprivate var names: [RawName] = []
        /// The number of the directory in the index, where there may be more.
        fileprivate var directory: UInt32?
        fileprivate var last: [UInt8]?
    }

    /// Bytes of the names that are in memory, with what an array takes.
    private static let room = 2 << 20
    private static let part = 64

    private let path: String?
    private let room: Int
    private var held = 0
    private var index: NameIndex?
    private var directories: UInt32 = 0

    /// What does not fit into memory goes to a file beside `path`. `room` is for tests.
    init(beside path: String?, room: Int = room) {
        self.path = path
        self.room = room
    }

    /// Those of a directory, of which the descriptor must be fresh.
    mutating func list(_ directory: Int32) throws(Errno) -> List {
        var names: [RawName] = []
        var size = 0
        var entries = DirectoryEntries(of: directory)
        while let name = try entries.next() {
            names.append(name)
            size += Self.size(name)
            guard held + size <= room else { return try spill(names, and: &entries) }
        }
        held += size
        return List(names: Self.sorted(names))
    }

    private static func size(_ name: RawName) -> Int { name.bytes.count + 48 }

    private static func sorted(_ names: [RawName]) -> [RawName] {
        names.sorted { $1.bytes.lexicographicallyPrecedes($0.bytes) }
    }

    private mutating func spill(_ names: [RawName], and entries: inout DirectoryEntries) throws(Errno) -> List {
        directories += 1
        for name in names { try keep(name, in: directories) }
        while let name = try entries.next() { try keep(name, in: directories) }
        return List(directory: directories)
    }

    private mutating func keep(_ name: RawName, in directory: UInt32) throws(Errno) {
        let path = path
        try ArchiveError.asErrno { () throws(ArchiveError) in
            if index == nil { index = try NameIndex(in: PageStore(beside: path)) }
            try index?.set(NameKey(directory: directory, name: Array(name.bytes)[...]), 0)
        }
    }

    /// The next name, nil behind the last.
    mutating func next(_ list: inout List) throws(Errno) -> RawName? {
        if list.names.isEmpty, let directory = list.directory { try fetch(&list, of: directory) }
        guard let name = list.names.popLast() else { return nil }
        if list.directory == nil { held -= Self.size(name) } else { list.last = Array(name.bytes) }
        return name
    }

    /// Looked for anew each time: the directories below have added theirs meanwhile.
    private func fetch(_ list: inout List, of directory: UInt32) throws(Errno) {
        guard let index else { return }
        let last = list.last
        list.names = try ArchiveError.asErrno { () throws(ArchiveError) -> [RawName] in
            var cursor = try index.cursor(in: directory, after: last)
            var names: [RawName] = []
            while names.count < Self.part, let item = try index.next(&cursor) {
                var bytes: [UInt8] = []
                try index.append(nameOf: item, to: &bytes)
                names.append(RawName(bytes))
            }
            return names.reversed()
        }
    }
}
