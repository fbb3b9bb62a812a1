// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// What a layer has brought to a tree that holds the layers below, in a store of pages.
struct TouchedFiles {
    /// What is known, by what a number of an inode stands for and then by that number; below it the further names in
    /// directories, by the numbers that these were given.
    private var index: NameIndex
    /// Files, which are known by number alone: all in the tree are on one file system.
    private static let files: UInt32 = 0
    /// Directories in which nothing of the layers below is any more.
    private static let pruned: UInt32 = 1
    /// Directories that have further names of files of layers below: those files themselves are not the layer's.
    private static let directories: UInt32 = 2
    private var last = directories

    /// None yet. What does not fit into memory goes to a file beside `path`.
    init(beside path: String) throws(ArchiveError) { index = try NameIndex(in: PageStore(beside: path)) }

    /// The layer has brought the file, and is not another's name for it.
    mutating func insert(_ status: FileStatus) throws(Errno) { _ = try insert(NameKey(status.inode, in: Self.files)) }

    /// False when what is in the directory was looked at before: what has come since then is the layer's own, and an
    /// archive must not have it looked at over and over.
    mutating func beginPruning(_ directory: FileStatus) throws(Errno) -> Bool {
        try insert(NameKey(directory.inode, in: Self.pruned))
    }

    /// A hard link.
    mutating func insert(_ name: RawName, _ status: FileStatus, at directory: Int32) throws(Errno) {
        guard try value(NameKey(status.inode, in: Self.files)) == nil else { return }
        let key = NameKey(try Syscall.status(of: directory).inode, in: Self.directories)
        let known = try value(key)
        if known == nil {
            last += 1
            _ = try insert(key, UInt64(last))
        }
        _ = try insert(Self.key(name, in: known ?? UInt64(last)))
    }

    /// Whether the layer has brought the name, or the file.
    func contains(_ name: RawName, _ status: FileStatus, at directory: Int32) throws(Errno) -> Bool {
        if try value(NameKey(status.inode, in: Self.files)) != nil { return true }
        guard last > Self.directories,
            let number = try value(NameKey(try Syscall.status(of: directory).inode, in: Self.directories))
        else { return false }
        return try value(Self.key(name, in: number)) != nil
    }

    private static func key(_ name: RawName, in directory: UInt64) -> NameKey {
        NameKey(directory: UInt32(truncatingIfNeeded: directory), name: Array(name.bytes)[...])
    }

    private func value(_ key: NameKey) throws(Errno) -> UInt64? {
        try ArchiveError.asErrno { () throws(ArchiveError) -> UInt64? in try index.value(key) }
    }

    /// Whether it is new.
    private mutating func insert(_ key: NameKey, _ value: UInt64 = 0) throws(Errno) -> Bool {
        try ArchiveError.asErrno { () throws(ArchiveError) -> Bool in
            let place = try index.find(key)
            if !place.isFound { try index.set(key, value, at: place) }
            return !place.isFound
        }
    }
}
