// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// A checksum of a whole tree, by which later damage is found: names, kinds, owners, modes, times, attributes, targets of
/// links, which names are one file, and all content. Not of what a file system decides by itself: sizes of directories,
/// numbers of inodes, times of access.
struct TreeChecksum {
    private var hash = XXHash64()
    /// The first path of a file with several names.
    private var links: [UInt64: [UInt8]] = [:]

    /// `xxh64:` and 16 hex digits.
    static func of(_ path: String) throws(ImageStoreError) -> String {
        var checksum = TreeChecksum()
        do throws(Errno) {
            let root = try Syscall.open(path, [.directory, .noFollow])
            try checksum.addAttributes(RawName("."), try root.status(), at: root.rawValue)
            try checksum.addContent(of: root.rawValue, path: [])
        } catch {
            throw ImageStoreError("verify layer", path, error)
        }
        return checksum.hash.text
    }

    private mutating func addContent(of directory: Int32, path: [UInt8]) throws(Errno) {
        let readable = try Syscall.open(".", [.directory], at: directory)
        let names = try Syscall.rawEntries(of: readable.rawValue).sorted {
            $0.bytes.lexicographicallyPrecedes($1.bytes)
        }
        for name in names {
            let status = try Syscall.linkStatus(name, at: directory)
            add(Array(name.bytes))
            try addAttributes(name, status, at: directory)
            let inside = path + name.bytes + [UInt8(ascii: "/")]
            if status.links > 1, !status.isDirectory {
                if let first = links[status.inode] {
                    add(first)
                    continue
                }
                links[status.inode] = inside
            }
            switch status.kind {
            case .directory:
                let inner = try Syscall.open(name, [.directory, .noFollow], at: directory)
                try addContent(of: inner.rawValue, path: inside)
                // The end of the directory, so that what follows is not taken for a part of it.
                add([])
            case .symlink: add(Array(try Syscall.readLink(name, at: directory).bytes))
            case .regular: try addFile(name, at: directory)
            case .character, .block, .fifo, .socket, .unknown: break
            }
        }
    }

    private mutating func addAttributes(_ name: RawName, _ status: FileStatus, at directory: Int32) throws(Errno) {
        let numbers = [
            UInt64(status.mode), UInt64(status.uid), UInt64(status.gid), status.kind == .regular ? status.size : 0,
            UInt64(status.deviceNumber.major), UInt64(status.deviceNumber.minor),
            UInt64(bitPattern: status.modified.seconds), UInt64(bitPattern: status.modified.nanoseconds),
        ]
        for number in numbers { hash.update(number) }
        let attributes = try Syscall.attributeNames(name, at: directory).filter {
            // The security label is the host's.
            !$0.bytes.elementsEqual("security.selinux".utf8)
        }
        for attribute in attributes.sorted(by: { $0.bytes.lexicographicallyPrecedes($1.bytes) }) {
            add(Array(attribute.bytes))
            add(try Syscall.attribute(name, attribute, at: directory))
        }
    }

    private mutating func addFile(_ name: RawName, at directory: Int32) throws(Errno) {
        let file = try Syscall.open(name, [.readOnly, .noFollow, .nonblocking], at: directory)
        while true {
            let block = try Syscall.read(file.rawValue, upTo: 1 << 18)
            if block.isEmpty { return }
            hash.update(block)
        }
    }

    /// Bytes with their number before them, so that two texts are not the same as one.
    private mutating func add(_ bytes: [UInt8]) {
        hash.update(UInt64(bytes.count))
        hash.update(bytes)
    }
}

extension DirectoryLayers {
    /// Of everything that the tree shows.
    package func checksum(of path: String) throws -> String { try TreeChecksum.of(path) }
}

extension ErofsLayers {
    /// Of the file.
    package func checksum(of path: String) throws -> String {
        try ImageStoreError.attempt("verify layer", path) { () throws(Errno) in
            let file = try Syscall.open(path, [.readOnly, .noFollow])
            var hash = XXHash64()
            while true {
                let block = try Syscall.read(file.rawValue, upTo: 1 << 18)
                if block.isEmpty { return hash.text }
                hash.update(block)
            }
        }
    }
}

extension XXHash64 {
    /// `xxh64:` and 16 hex digits.
    var text: String {
        let digits = String(finalize(), radix: 16)
        return "xxh64:" + String(repeating: "0", count: 16 - digits.count) + digits
    }
}
