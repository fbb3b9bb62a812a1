// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux
internal import Linux

/// Copies a tree with everything that a layer can hold: owners, modes, times, attributes, hard links, devices, holes.
struct TreeCopy {
    private let root: Int32
    /// Where a file with several names was copied to first, from the root.
    private var links: [Link: RawName] = [:]

    private struct Link: Hashable {
        let device: UInt64
        let inode: UInt64
    }

    /// Copies the content and the attributes of one directory to another, which is empty.
    static func run(from source: Int32, to target: Int32) throws(Errno) {
        var copy = TreeCopy(root: target)
        try copy.content(of: source, to: target, path: [])
        try copyAttributes(of: RawName("."), from: source, to: target, try Syscall.linkStatus(RawName("."), at: source))
    }

    private mutating func content(of source: Int32, to target: Int32, path: [UInt8]) throws(Errno) {
        let readable = try Syscall.open(".", [.directory], at: source)
        var entries = DirectoryEntries(of: readable.rawValue)
        while let name = try entries.next() { try add(name, from: source, to: target, path: path) }
    }

    private mutating func add(_ name: RawName, from source: Int32, to target: Int32, path: [UInt8]) throws(Errno) {
        let status = try Syscall.linkStatus(name, at: source)
        if status.links > 1, !status.isDirectory {
            let link = Link(device: status.device, inode: status.inode)
            if let first = links[link] { return try Syscall.makeLink(first, at: root, name, at: target) }
            links[link] = RawName(path + name.bytes)
        }
        try copy(name, status, from: source, to: target, path: path)
        try Self.copyAttributes(of: name, from: source, to: target, status)
    }

    private mutating func copy(
        _ name: RawName, _ status: FileStatus, from source: Int32, to directory: Int32, path: [UInt8]
    ) throws(Errno) {
        switch status.kind {
        case .directory:
            try Syscall.makeDirectory(name, mode: 0o700, at: directory)
            let inner = try Syscall.open(name, [.directory, .noFollow], at: source)
            let outer = try Syscall.open(name, [.directory, .noFollow], at: directory)
            try content(of: inner.rawValue, to: outer.rawValue, path: path + name.bytes + [UInt8(ascii: "/")])
        case .symlink:
            try Syscall.makeSymlink(try Syscall.readLink(name, at: source), name, at: directory)
        case .regular:
            try Self.copyFile(name, status, from: source, to: directory)
        case .character, .block, .fifo, .socket, .unknown:
            try Syscall.makeNode(
                name, mode: status.mode & CLX_S_IFMT | 0o600, device: status.deviceNumber, at: directory)
        }
    }

    private static func copyFile(
        _ name: RawName, _ status: FileStatus, from source: Int32, to target: Int32
    ) throws(Errno) {
        let input = try Syscall.open(name, [.readOnly, .noFollow], at: source)
        let output = try Syscall.open(name, [.writeOnly, .create, .exclusive, .noFollow], mode: 0o600, at: target)
        let hasHoles = status.blocks * 512 < status.size
        var offset: Int64 = 0
        while true {
            // Small blocks where holes are to be found again.
            let block = try Syscall.read(input.rawValue, upTo: hasHoles ? 4096 : 1 << 20)
            if block.isEmpty { break }
            if !hasHoles || block.contains(where: { $0 != 0 }) {
                try write(block, to: output.rawValue, at: offset)
            }
            offset += Int64(block.count)
        }
        try Syscall.setLength(of: output.rawValue, offset)
        try output.close()
    }

    private static func write(_ block: [UInt8], to descriptor: Int32, at offset: Int64) throws(Errno) {
        let result = unsafe block.withUnsafeBytes { bytes -> Result<Void, Errno> in
            do throws(Errno) {
                return .success(unsafe try Syscall.writeAll(descriptor, bytes, at: offset))
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    /// Owner, mode, attributes, times: in this order, because each may change those before.
    private static func copyAttributes(
        of name: RawName, from source: Int32, to target: Int32, _ status: FileStatus
    ) throws(Errno) {
        try Syscall.changeOwner(name, uid: status.uid, gid: status.gid, at: target)
        if !status.isSymlink { try Syscall.changeMode(name, status.permissions, at: target) }
        for attribute in try Syscall.attributeNames(name, at: source) {
            // The security label is the host's.
            guard !attribute.bytes.elementsEqual("security.selinux".utf8) else { continue }
            let value = try Syscall.attribute(name, attribute, at: source)
            do throws(Errno) { try Syscall.setAttribute(name, attribute, value, at: target) } catch .EOPNOTSUPP {}
        }
        try Syscall.setTimes(name, modified: status.modified, at: target)
    }
}
