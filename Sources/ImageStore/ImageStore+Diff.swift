// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import OCIImageSpec

/// A file that two trees do not have in common.
package struct FileChange: Hashable, Sendable, Encodable {
    /// How the second tree differs from the first; the letters are those of `docker diff`.
    package enum Kind: String, Hashable, Sendable, Encodable {
        case added = "A"
        case changed = "C"
        case deleted = "D"
    }

    package var kind: Kind
    /// Absolute. Bytes that are no UTF-8 are shown as U+FFFD.
    package var path: String
}

extension ImageStore {
    /// What an image's files are that differ from another image's, or without one from those of the image without its top
    /// layer. In the order of the paths. Blocks.
    package func diff(_ image: Image, from other: Image? = nil) throws -> [FileChange] {
        let (base, count) = (other ?? image, other == nil ? image.layers.count - 1 : .max)
        return try withTree(of: base.id, lowest: count) { old in
            try withTree(of: image.id) { new in
                var diff = TreeDiff()
                do throws(Errno) {
                    try diff.compare(old, new, path: "/")
                } catch {
                    throw ImageStoreError("compare images", image.id.description, error)
                }
                return diff.changes
            }
        }
    }
}

/// The comparison of two trees: kinds, owners, modes, times, attributes, targets of links and content.
private struct TreeDiff {
    var changes: [FileChange] = []

    mutating func compare(_ old: Int32, _ new: Int32, path: String) throws(Errno) {
        let (before, after) = (try Self.names(old), try Self.names(new))
        for name in before.union(after).sorted(by: { $0.bytes.lexicographicallyPrecedes($1.bytes) }) {
            let inside = path + name.description
            guard before.contains(name) else {
                try add(.added, name, at: new, path: inside)
                continue
            }
            guard after.contains(name) else {
                // What is below went with it.
                changes.append(FileChange(kind: .deleted, path: inside))
                continue
            }
            let (was, status) = (try Syscall.linkStatus(name, at: old), try Syscall.linkStatus(name, at: new))
            if try !Self.areEqual(name, was, old, status, new) {
                changes.append(FileChange(kind: .changed, path: inside))
            }
            guard status.isDirectory else { continue }
            let inner = try Syscall.open(name, [.directory, .noFollow], at: new)
            if was.isDirectory {
                let outer = try Syscall.open(name, [.directory, .noFollow], at: old)
                try compare(outer.rawValue, inner.rawValue, path: inside + "/")
            } else {
                for child in try Self.names(inner.rawValue) {
                    try add(.added, child, at: inner.rawValue, path: inside + "/" + child.description)
                }
            }
        }
    }

    private mutating func add(
        _ kind: FileChange.Kind, _ name: RawName, at directory: Int32, path: String
    ) throws(Errno) {
        changes.append(FileChange(kind: kind, path: path))
        guard try Syscall.linkStatus(name, at: directory).isDirectory else { return }
        let inner = try Syscall.open(name, [.directory, .noFollow], at: directory)
        for child in try Self.names(inner.rawValue).sorted(by: { $0.bytes.lexicographicallyPrecedes($1.bytes) }) {
            try add(kind, child, at: inner.rawValue, path: path + "/" + child.description)
        }
    }

    private static func names(_ directory: Int32) throws(Errno) -> Set<RawName> {
        let readable = try Syscall.open(".", [.directory], at: directory)
        return Set(try Syscall.rawEntries(of: readable.rawValue))
    }

    private static func areEqual(
        _ name: RawName, _ was: FileStatus, _ old: Int32, _ status: FileStatus, _ new: Int32
    ) throws(Errno) -> Bool {
        guard was.mode == status.mode, was.uid == status.uid, was.gid == status.gid, was.modified == status.modified,
            was.deviceNumber == status.deviceNumber, try attributes(name, old) == attributes(name, new)
        else { return false }
        switch status.kind {
        case .symlink: return try Syscall.readLink(name, at: old) == Syscall.readLink(name, at: new)
        case .regular:
            guard was.size == status.size else { return false }
            // Builders set all times to one, so that equal times tell nothing.
            let first = try Syscall.open(name, [.readOnly, .noFollow], at: old)
            let second = try Syscall.open(name, [.readOnly, .noFollow], at: new)
            while true {
                let block = try Syscall.read(first.rawValue, upTo: 1 << 18)
                guard try block == Syscall.read(second.rawValue, upTo: 1 << 18) else { return false }
                if block.isEmpty { return true }
            }
        case .directory, .character, .block, .fifo, .socket, .unknown: return true
        }
    }

    private static func attributes(_ name: RawName, _ directory: Int32) throws(Errno) -> [RawName: [UInt8]] {
        var all: [RawName: [UInt8]] = [:]
        for attribute in try Syscall.attributeNames(name, at: directory) {
            all[attribute] = try Syscall.attribute(name, attribute, at: directory)
        }
        return all
    }
}
