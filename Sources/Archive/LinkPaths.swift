// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The first paths of files with several names, by their inodes, in a store of pages.
struct LinkPaths {
    private var index: NameIndex
    /// Each length in 64 bits, and the path.
    private var bytes: PagedBytes
    private static let limit = 1 << 30

    /// None yet. What does not fit into memory goes to a file beside `path`.
    init(beside path: String?) throws(Errno) {
        let store = PageStore(beside: path)
        index = try ArchiveError.asErrno { () throws(ArchiveError) in try NameIndex(in: store) }
        bytes = PagedBytes(in: store)
    }

    /// The path of an inode that was added.
    func path(of inode: UInt64) throws(Errno) -> [UInt8]? {
        try ArchiveError.asErrno { () throws(ArchiveError) -> [UInt8]? in
            guard let place = try index.value(NameKey(inode, in: 0)) else { return nil }
            return try bytes.read(Int(try bytes.number(at: Int(place))), at: Int(place) + 8)
        }
    }

    /// Adds the path of an inode. EFBIG when the paths take more than those of any image do: a link through which one
    /// reaches deep directories makes paths far longer than their names in the archive.
    mutating func add(_ path: [UInt8], of inode: UInt64) throws(Errno) {
        guard bytes.count < Self.limit else { throw .EFBIG }
        try ArchiveError.asErrno { () throws(ArchiveError) in
            let place = try bytes.append(UInt64(path.count))
            try bytes.append(path[...])
            try index.set(NameKey(inode, in: 0), UInt64(place))
        }
    }
}
