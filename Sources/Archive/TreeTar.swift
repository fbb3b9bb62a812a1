// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Linux

/// Writes files of trees, with owners, modes, times, links and attributes, into a tar.
///
/// ## Concurrency model
/// One user at a time; calls block.
package final class TreeTar {
    private let file: SharedFD
    /// Files with several names that were written already, by what they are: their further names become links.
    private var known: [Identity: RawName] = [:]

    private struct Identity: Hashable {
        var device: UInt64
        var inode: UInt64
    }

    /// Writes from the descriptor's place on.
    package init(_ file: SharedFD) { self.file = file }

    /// Adds a file of any kind, but not what is in a directory. Sockets are passed over: nothing could be made of them.
    package func add(_ name: RawName, at directory: Int32, as path: RawName) throws(Errno) {
        let status = try Syscall.linkStatus(name, at: directory)
        guard let kind = Self.kind(status) else { return }
        var entry = TarEntry(kind, path)
        entry.permissions = status.permissions
        (entry.uid, entry.gid) = (status.uid, status.gid)
        entry.modified = status.modified.seconds
        if kind == .directory { entry.name = RawName(path.bytes + [UInt8(ascii: "/")]) }
        if kind == .symlink { entry.target = try Syscall.readLink(name, at: directory) }
        if kind == .character || kind == .block { entry.device = status.deviceNumber }
        let identity = Identity(device: status.device, inode: status.inode)
        if let first = known[identity] {
            (entry.kind, entry.target) = (.hardLink, first)
            return try file.descriptor.writeAll(entry.bytes)
        }
        if status.links > 1, kind != .directory { known[identity] = path }
        for attribute in try Syscall.attributeNames(name, at: directory) {
            entry.attributes[attribute] = try Syscall.attribute(name, attribute, at: directory)
        }
        guard kind == .regular else { return try file.descriptor.writeAll(entry.bytes) }
        try add(entry, try Syscall.open(name, [.readOnly, .noFollow], at: directory), size: Int64(status.size))
    }

    /// Adds everything in a directory under its own names, in their order.
    package func addTree(_ directory: Int32, below prefix: [UInt8] = []) throws(Errno) {
        let readable = try Syscall.open(".", [.directory], at: directory)
        let names = try Syscall.rawEntries(of: readable.rawValue)
        for name in names.sorted(by: { $0.bytes.lexicographicallyPrecedes($1.bytes) }) {
            let path = prefix + name.bytes
            try add(name, at: directory, as: RawName(path))
            guard try Syscall.linkStatus(name, at: directory).isDirectory else { continue }
            let inner = try Syscall.open(name, [.directory, .noFollow], at: directory)
            try addTree(inner.rawValue, below: path + [UInt8(ascii: "/")])
        }
    }

    /// Ends the archive.
    package func finish() throws(Errno) { try file.descriptor.writeAll([UInt8](repeating: 0, count: 1024)) }

    /// A file that becomes shorter meanwhile is filled with zeros, one that becomes longer is cut off: the header is written.
    private func add(_ entry: TarEntry, _ content: consuming OwnedFD, size: Int64) throws(Errno) {
        var entry = entry
        entry.size = size
        try file.descriptor.writeAll(entry.bytes)
        var left = size
        while left > 0 {
            let block = try content.read(upTo: Int(min(left, 1 << 20)))
            if block.isEmpty { break }
            try file.descriptor.writeAll(block)
            left -= Int64(block.count)
        }
        left += (512 - size % 512) % 512
        while left > 0 {
            let part = min(left, 1 << 20)
            try file.descriptor.writeAll([UInt8](repeating: 0, count: Int(part)))
            left -= part
        }
    }

    private static func kind(_ status: FileStatus) -> TarEntry.Kind? {
        switch status.kind {
        case .regular: .regular
        case .directory: .directory
        case .symlink: .symlink
        case .character: .character
        case .block: .block
        case .fifo: .fifo
        case .socket, .unknown: nil
        }
    }
}
