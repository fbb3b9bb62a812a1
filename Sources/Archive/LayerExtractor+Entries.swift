// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux
internal import Linux

/// One function for each kind of entry.
extension LayerExtractor {
    func makeFile(_ entry: LayerEntry, size: Int64, at place: Place, from reader: some ContentSource) throws {
        let file = try attempt(entry) { () throws(Errno) in SharedFD(try create(place)) }
        var end: Int64 = 0
        var sum = BlockChecksum()
        unsafe try reader.content { offset, bytes in
            guard offset >= 0, offset + Int64(bytes.count) <= size else {
                throw ArchiveError(.corrupt, "unpack entry", entry.displayName, "its content is longer than its size")
            }
            try attempt(entry) { () throws(Errno) in
                unsafe try Syscall.writeAll(file.rawValue, bytes, at: offset)
            }
            if whiteout == .overlay { unsafe sum.add(bytes, at: offset) }
            end = max(end, offset + Int64(bytes.count))
        }
        try attempt(entry) { () throws(Errno) in
            // A hole at the end.
            if end < size { try Syscall.setLength(of: file.rawValue, size) }
            try dropInherited(place)
            try Syscall.changeOwner(of: file.rawValue, uid: entry.uid, gid: entry.gid)
            try Syscall.changeMode(of: file.rawValue, entry.permissions)
            try setAttributes(of: entry) { (name, value) throws(Errno) in
                try Syscall.setAttribute(of: file.rawValue, name, value)
            }
            try Syscall.setTimes(place.name, modified: entry.modified, at: place.directory.rawValue)
            guard whiteout == .overlay else { return }
            let inode = try Syscall.status(of: file.rawValue).inode
            try notes.set(content: sum.value(length: size), of: inode)
        }
    }

    private func create(_ place: Place) throws(Errno) -> OwnedFD {
        let flags: OpenFlags = [.writeOnly, .create, .exclusive, .noFollow]
        do throws(Errno) {
            return try Syscall.open(place.name, flags, mode: 0o600, at: place.directory.rawValue)
        } catch .EEXIST {
            try clear(place)
            return try Syscall.open(place.name, flags, mode: 0o600, at: place.directory.rawValue)
        }
    }

    func makeDirectory(_ entry: LayerEntry, at place: Place) throws(ArchiveError) {
        try attempt(entry) { () throws(Errno) in
            try makeOrKeepDirectory(at: place)
            let directory = place.directory.rawValue
            try Syscall.changeOwner(place.name, uid: entry.uid, gid: entry.gid, at: directory)
            try Syscall.changeMode(place.name, entry.permissions, at: directory)
            try setAttributes(of: entry) { (name, value) throws(Errno) in
                try Syscall.setAttribute(place.name, name, value, at: directory)
            }
        }
        if entry.attributes.contains(where: { InheritedACL.isPreset($0.name) }) { giver = nil }
    }

    private func makeOrKeepDirectory(at place: Place) throws(Errno) {
        let directory = place.directory.rawValue
        if place.path.isRoot {
            giver = nil
            return try removeAttributes(place.name, at: directory)
        }
        do throws(Errno) {
            try Syscall.makeDirectory(place.name, mode: 0o700, at: directory)
            try dropInherited(place)
        } catch .EEXIST {
            let status = try Syscall.linkStatus(place.name, at: directory)
            if status.isDirectory {
                giver = nil
                return try removeAttributes(place.name, at: directory)
            }
            try clear(place)
            try Syscall.makeDirectory(place.name, mode: 0o700, at: directory)
            try dropInherited(place)
            if whiteout == .overlay, status.isWhiteout {
                // Deleted and made anew as a directory by the same layer: nothing below may shine through.
                let made = try Syscall.open(place.name, [.path, .directory, .noFollow], at: directory)
                try Whiteout.markOpaque(made.rawValue)
                try notes.hides(place.path)
            }
        }
    }

    /// A directory that is brought again, or that a layer below has too, has no attributes but those of the last entry.
    func removeAttributes(_ directory: RawName, at parent: Int32) throws(Errno) {
        for name in try Syscall.attributeNames(directory, at: parent)
        where !Whiteout.isReserved(attribute: Array(name.bytes)) {
            try Syscall.removeAttribute(directory, name, at: parent)
        }
    }

    /// Links, devices and fifos.
    func makeNode(_ entry: LayerEntry, at place: Place) throws(ArchiveError) {
        if case .characterDevice(DeviceNumber(major: 0, minor: 0)) = entry.kind {
            throw ArchiveError(.hostile, "unpack entry", entry.displayName, "a device 0:0 is a forged whiteout")
        }
        if case .symlink(let target) = entry.kind, target.isEmpty || target.count >= EntryPath.lengthLimit {
            throw ArchiveError(
                .corrupt, "unpack entry", entry.displayName, "the target of the link is empty or too long")
        }
        try attempt(entry) { () throws(Errno) in
            try replacing(place) { () throws(Errno) in try makeBareNode(entry.kind, at: place) }
            let directory = place.directory.rawValue
            try Syscall.changeOwner(place.name, uid: entry.uid, gid: entry.gid, at: directory)
            if case .symlink = entry.kind {
            } else {
                try dropInherited(place)
                try Syscall.changeMode(place.name, entry.permissions, at: directory)
            }
            try setAttributes(of: entry) { (name, value) throws(Errno) in
                try Syscall.setAttribute(place.name, name, value, at: directory)
            }
            try Syscall.setTimes(place.name, modified: entry.modified, at: directory)
        }
    }

    private func makeBareNode(_ kind: LayerEntry.Kind, at place: Place) throws(Errno) {
        let directory = place.directory.rawValue
        let none = DeviceNumber(major: 0, minor: 0)
        switch kind {
        case .symlink(let target): try Syscall.makeSymlink(RawName(target), place.name, at: directory)
        case .characterDevice(let device):
            try Syscall.makeNode(place.name, mode: CLX_S_IFCHR | 0o600, device: device, at: directory)
        case .blockDevice(let device):
            try Syscall.makeNode(place.name, mode: CLX_S_IFBLK | 0o600, device: device, at: directory)
        case .fifo: try Syscall.makeNode(place.name, mode: CLX_S_IFIFO | 0o600, device: none, at: directory)
        case .file, .directory, .hardLink: throw .EINVAL
        }
    }

    /// Makes what is new after removing what is there.
    func replacing(_ place: Place, _ make: () throws(Errno) -> Void) throws(Errno) {
        do throws(Errno) {
            try make()
        } catch .EEXIST {
            try clear(place)
            try make()
        }
    }

    /// Sets what the archive may set; what this file system or kind of file cannot hold is counted and left out.
    private func setAttributes(
        of entry: LayerEntry, _ set: (RawName, [UInt8]) throws(Errno) -> Void
    ) throws(Errno) {
        for attribute in entry.attributes where !Whiteout.isReserved(attribute: attribute.name) {
            do throws(Errno) {
                try set(RawName(attribute.name), attribute.value)
            } catch .EOPNOTSUPP {
                summary.skippedAttributes += 1
            } catch .EPERM {
                // user.* is only for files and directories, xattr(7).
                guard attribute.name.starts(with: "user.".utf8) else { throw .EPERM }
                summary.skippedAttributes += 1
            }
        }
    }
}
