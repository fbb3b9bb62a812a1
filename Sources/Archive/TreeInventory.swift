// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Linux

/// What is in a directory tree: how much it takes, and a checksum by which later damage is found.
///
/// The checksum is over names, kinds, owners, modes, times, attributes, targets of links, which names are one file, and all
/// content. Not over what a file system decides by itself: sizes of directories, numbers of inodes, times of access.
///
/// Counted is what is at and below the root, the root itself included: every file of any kind once, however many names it
/// has; of files the blocks that they have, which holes are none of, and of directories all of their own, at least one.
package struct TreeInventory {
    private static let blockSize: UInt64 = 4096

    /// Space on disk.
    package private(set) var bytes: UInt64 = 0
    /// Files of all kinds.
    package private(set) var inodes: UInt64 = 0
    /// `xxh3:` and 16 hex digits.
    package var checksum: String { hash.text }

    private let hash = Checksum()
    /// The checksums of contents that are known, by inode.
    private let known: (_ inode: UInt64) throws(Errno) -> UInt64?
    private var links: LinkPaths
    private var names: SortedNames

    /// Walks the tree below a directory, an O_PATH descriptor or another. The contents whose checksum is known by the
    /// number of their inode are not read. What does not fit into memory goes to a file beside `path`.
    package init(
        of root: Int32, beside path: String? = nil,
        known: @escaping (_ inode: UInt64) throws(Errno) -> UInt64? = { _ in nil }
    ) throws(Errno) {
        self.known = known
        links = try LinkPaths(beside: path)
        names = SortedNames(beside: path)
        let status = try Syscall.status(of: root)
        count(status)
        try addAttributes(RawName("."), status, at: root)
        try addContent(of: root, path: [])
    }

    private mutating func addContent(of directory: Int32, path: [UInt8]) throws(Errno) {
        var list = try listed(directory)
        while let name = try names.next(&list) {
            let status = try Syscall.linkStatus(name, at: directory)
            add(Array(name.bytes))
            try addAttributes(name, status, at: directory)
            let inside = path + name.bytes + [UInt8(ascii: "/")]
            if status.links > 1, !status.isDirectory {
                if let first = try links.path(of: status.inode) {
                    add(first)
                    continue
                }
                try links.add(inside, of: status.inode)
            }
            count(status)
            switch status.kind {
            case .directory:
                let inner = try Syscall.open(name, [.directory, .noFollow], at: directory)
                try addContent(of: inner.rawValue, path: inside)
                // The end of the directory, so that what follows is not taken for a part of it.
                add([])
            case .symlink: add(Array(try Syscall.readLink(name, at: directory).bytes))
            case .regular:
                if let sum = try known(status.inode) { hash.update(sum) } else { try addFile(name, at: directory) }
            case .character, .block, .fifo, .socket, .unknown: break
            }
        }
    }

    /// The descriptor is closed before anything below is looked at.
    private mutating func listed(_ directory: Int32) throws(Errno) -> SortedNames.List {
        let readable = try Syscall.open(".", [.directory], at: directory)
        return try names.list(readable.rawValue)
    }

    private mutating func count(_ status: FileStatus) {
        inodes += 1
        let whole = (status.size + Self.blockSize - 1) / Self.blockSize * Self.blockSize
        switch status.kind {
        case .directory: bytes += max(whole, Self.blockSize)
        // Some file systems give a growing file more than it needs, and take it back later.
        case .regular: bytes += min(whole, status.blocks * 512)
        case .symlink, .character, .block, .fifo, .socket, .unknown: bytes += status.blocks * 512
        }
    }

    private func addAttributes(_ name: RawName, _ status: FileStatus, at directory: Int32) throws(Errno) {
        let numbers = [
            UInt64(status.mode), UInt64(status.uid), UInt64(status.gid), status.kind == .regular ? status.size : 0,
            UInt64(status.deviceNumber.major), UInt64(status.deviceNumber.minor),
            UInt64(bitPattern: status.modified.seconds), UInt64(bitPattern: status.modified.nanoseconds),
        ]
        unsafe numbers.withUnsafeBytes { unsafe hash.update($0) }
        let attributes = try Syscall.attributeNames(name, at: directory).filter {
            // The security label is the host's.
            !$0.bytes.elementsEqual("security.selinux".utf8)
        }
        for attribute in attributes.sorted(by: { $0.bytes.lexicographicallyPrecedes($1.bytes) }) {
            add(Array(attribute.bytes))
            add(try Syscall.attribute(name, attribute, at: directory))
        }
    }

    private func addFile(_ name: RawName, at directory: Int32) throws(Errno) {
        let file = try Syscall.open(name, [.readOnly, .noFollow, .nonblocking], at: directory)
        hash.update(try BlockChecksum.value(of: file.rawValue))
    }

    /// Bytes with their number before them, so that two texts are not the same as one.
    private func add(_ bytes: [UInt8]) {
        hash.update(UInt64(bytes.count))
        hash.update(bytes)
    }
}
