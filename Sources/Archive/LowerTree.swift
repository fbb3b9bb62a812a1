// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux
package import Linux

/// The layers below one that is being written, over each other, as a container would see them.
package final class LowerTree: Sendable {
    private let root: SharedFD

    /// The root of the tree, an O_PATH descriptor of a directory or of a mount.
    package init(_ root: SharedFD) { self.root = root }

    /// What is at the path; those steps before the last one that are links are followed inside the tree. Nil when nothing is.
    private func open(_ path: EntryPath, _ passed: inout Int) throws(Errno) -> SharedFD? {
        try open(path, [.path, .noFollow]) { () throws(Errno) -> EntryPath? in
            try resolve(path.parent, &passed)?.appending(path.last)
        }
    }

    /// The directory at the path, all of whose steps may be links. Nil when nothing is, or something else.
    private func openDirectory(_ path: EntryPath, _ passed: inout Int) throws(Errno) -> SharedFD? {
        try open(path, [.path, .directory]) { () throws(Errno) -> EntryPath? in try resolve(path, &passed) }
    }

    /// The kernel would follow links too, but how far it went could not be counted, and an image may ask for a long way over
    /// and over.
    private func open(
        _ path: EntryPath, _ flags: OpenFlags, behindLinks: () throws(Errno) -> EntryPath?
    ) throws(Errno) -> SharedFD? {
        do throws(Errno) {
            return try open(path, flags)
        } catch {
            // EAGAIN: a link of the layer above may lead through `..`, which the kernel does not do while something is renamed.
            guard error == .ELOOP || error == .EAGAIN else { throw error }
            guard let path = try behindLinks() else { return nil }
            return try open(path, flags)
        }
    }

    private func open(_ path: EntryPath, _ flags: OpenFlags) throws(Errno) -> SharedFD? {
        do throws(Errno) {
            return SharedFD(
                try Syscall.open(path.joined, flags, at: root.rawValue, resolve: [.inRoot, .noSymlinks]))
        } catch .ENOENT {
            return nil
        } catch .ENOTDIR {
            return nil
        }
    }

    /// The attributes of a directory, nil when there is none at the path. As in all of these, the lengths of the targets of
    /// the links that were passed are added to `passed`.
    func directory(_ path: EntryPath, _ passed: inout Int) throws(Errno) -> DirectoryAttributes? {
        guard let found = try open(path, &passed) else { return nil }
        let status = try Syscall.status(of: found.rawValue)
        guard status.isDirectory else { return nil }
        return DirectoryAttributes(
            permissions: status.permissions, uid: status.uid, gid: status.gid, modified: status.modified,
            attributes: try Self.attributes(RawName("."), at: found.rawValue))
    }

    /// Where a path with links in it leads: a directory that is reached without links. Nil when none is.
    func resolve(_ path: EntryPath, _ passed: inout Int) throws(Errno) -> EntryPath? {
        var stack: [(name: ArraySlice<UInt8>, directory: SharedFD)] = []
        var steps = Array(path.components.reversed())
        var links = 0
        while let step = steps.popLast() {
            if step.elementsEqual("..".utf8) {
                // Above the root is the root.
                _ = stack.popLast()
                continue
            }
            let current = stack.last?.directory ?? root
            let name = RawName(step)
            do throws(Errno) {
                let flags: OpenFlags = [.path, .noFollow, .directory]
                stack.append((step, SharedFD(try Syscall.open(name, flags, at: current.rawValue))))
                guard stack.count <= UnpackLimits.depth else { throw .ELOOP }
            } catch .ENOENT {
                return nil
            } catch .ENOTDIR {
                links += 1
                guard links <= UnpackLimits.linksOfName else { throw .ELOOP }
                guard try Syscall.linkStatus(name, at: current.rawValue).isSymlink else { return nil }
                let target = try Syscall.readLink(name, at: current.rawValue).bytes
                passed += target.count
                if target.first == UInt8(ascii: "/") { stack = [] }
                steps += EntryPath.steps(of: target).reversed()
            }
        }
        return EntryPath(steps: stack.map(\.name))
    }

    /// A file or link as an entry of an archive would bring it, and the directory in which it can be opened by the
    /// name. Nil when there is nothing, or a directory.
    func file(
        _ path: EntryPath, as name: [UInt8], _ passed: inout Int
    ) throws(Errno) -> (entry: LayerEntry, directory: SharedFD)? {
        guard let parent = try openDirectory(path.parent, &passed) else { return nil }
        let status: FileStatus
        do throws(Errno) {
            status = try Syscall.linkStatus(path.name, at: parent.rawValue)
        } catch .ENOENT { return nil } catch .ENOTDIR { return nil }
        let kind: LayerEntry.Kind
        switch status.kind {
        case .regular: kind = .file(size: Int64(status.size))
        case .symlink: kind = .symlink(target: Array(try Syscall.readLink(path.name, at: parent.rawValue).bytes))
        case .character: kind = .characterDevice(status.deviceNumber)
        case .block: kind = .blockDevice(status.deviceNumber)
        case .fifo: kind = .fifo
        case .directory, .socket, .unknown: return nil
        }
        let attributes = try Self.attributes(path.name, at: parent.rawValue)
        var entry = LayerEntry(
            name: name, kind: kind, permissions: status.permissions, uid: status.uid, gid: status.gid,
            modified: status.modified, attributes: attributes)
        if status.kind == .regular {
            entry.isSparse = try Self.hasHoles(path.name, size: Int64(status.size), at: parent.rawValue)
        }
        return (entry, parent)
    }

    private static func hasHoles(_ name: RawName, size: Int64, at directory: Int32) throws(Errno) -> Bool {
        guard size > 0 else { return false }
        let file = try Syscall.open(name, [.readOnly, .noFollow], at: directory)
        return try Syscall.data(of: file.rawValue, from: 0) != 0..<size
    }

    /// The attributes that an archive may set.
    static func attributes(_ name: RawName, at directory: Int32) throws(Errno) -> [LayerEntry.Attribute] {
        var found: [LayerEntry.Attribute] = []
        for attribute in try Syscall.attributeNames(name, at: directory)
        where !Whiteout.isReserved(attribute: Array(attribute.bytes)) {
            let value = try Syscall.attribute(name, attribute, at: directory)
            found.append(LayerEntry.Attribute(name: Array(attribute.bytes), value: value))
        }
        return found
    }
}
