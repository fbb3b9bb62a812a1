// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux
internal import Linux

/// The second step: what the layers below know, and what an entry that comes later may change.
extension LayerExtractor {
    /// Ends the layer; see `LayerWriter`. Space and checksum are those of a layer in overlay form.
    package func finish(above below: LowerTree?) throws -> LayerSummary {
        summary.bringsRoot = try !noted { () throws(Errno) in try notes.rootIsImplied() }
        if whiteout == .overlay, !summary.bringsRoot {
            try noted { () throws(Errno) in try notes.set(DirectoryAttributes.implied.modified, of: .root) }
        }
        // Those that are added meanwhile are of the layers below.
        for directory in 0..<notes.count {
            guard let path = try noted({ () throws(Errno) in try notes.implied(directory) }) else { continue }
            summary.impliedDirectories += 1
            if whiteout == .overlay { try tally.pass(links: try adopt(path, below)) }
        }
        try notes.visitLinks { try copy($0, from: below) }
        for directory in 0..<notes.count {
            guard let path = try noted({ () throws(Errno) in try notes.hiding(directory) }) else { continue }
            try removeDeletions(in: path)
        }
        try setTimes()
        if whiteout == .overlay { try takeInventory() }
        notes.clear()
        return summary
    }

    private func takeInventory() throws(ArchiveError) {
        let notes = notes
        do throws(Errno) {
            let inventory = try TreeInventory(of: root.rawValue, beside: "\(path)/.") { inode throws(Errno) in
                try notes.content(of: inode)
            }
            (summary.bytes, summary.inodes) = (inventory.bytes, inventory.inodes)
            summary.checksum = inventory.checksum
        } catch {
            throw ArchiveError(entry: ".", error)
        }
    }

    private func setTimes() throws(ArchiveError) {
        for directory in 0..<notes.count {
            guard let (path, time) = try noted({ () throws(Errno) in try notes.time(directory) }),
                let parent = try resolver.existing(path.parent, for: path.description)
            else { continue }
            do throws(Errno) {
                try Syscall.setTimes(path.name, modified: time, at: parent.rawValue)
            } catch {
                throw ArchiveError(entry: path, error)
            }
        }
    }

    /// A directory that was not brought becomes what it is below. Where a layer below has a link in place of it, what is
    /// in it moves to where the link leads, as if the archive had been unpacked over that layer.
    /// Returns the length of the targets of the links that were passed below.
    private func adopt(_ path: EntryPath, _ below: LowerTree?) throws(ArchiveError) -> Int {
        guard let parent = try resolver.existing(path.parent, for: path.description) else { return 0 }
        do throws(Errno) {
            do throws(Errno) {
                guard try Syscall.linkStatus(path.name, at: parent.rawValue).isDirectory else { return 0 }
            } catch .ENOENT { return 0 }
            var passed = 0
            if let attributes = try below?.directory(path, &passed) {
                try describe(path.name, by: attributes, at: parent.rawValue)
                try notes.set(attributes.modified, of: path)
                return passed
            }
            try notes.set(DirectoryAttributes.implied.modified, of: path)
            if let target = try below?.resolve(path, &passed) { try move(path, in: parent, to: target, below) }
            return passed
        } catch {
            throw ArchiveError(entry: path, error)
        }
    }

    private func describe(_ name: RawName, by attributes: DirectoryAttributes, at directory: Int32) throws(Errno) {
        try Syscall.changeOwner(name, uid: attributes.uid, gid: attributes.gid, at: directory)
        try Syscall.changeMode(name, attributes.permissions, at: directory)
        for attribute in attributes.attributes {
            try Syscall.setAttribute(name, RawName(attribute.name), attribute.value, at: directory)
        }
    }

    private func move(
        _ path: EntryPath, in parent: SharedFD, to target: EntryPath, _ below: LowerTree?
    ) throws(Errno) {
        var place = root
        var reached = EntryPath.root
        for step in target.components {
            reached = reached.appending(step)
            let name = RawName(step)
            do throws(Errno) {
                try Syscall.makeDirectory(name, mode: 0o755, at: place.rawValue)
                try InheritedACL.drop(of: name, at: place.rawValue)
                try notes.made(reached, hides: false)
                // There are no links in where one leads.
                var passed = 0
                if let attributes = try below?.directory(reached, &passed) {
                    try describe(name, by: attributes, at: place.rawValue)
                    try notes.set(attributes.modified, of: reached)
                }
            } catch .EEXIST {}
            do throws(Errno) {
                place = SharedFD(try Syscall.open(name, [.path, .directory, .noFollow], at: place.rawValue))
            } catch .ENOTDIR {
                // The layer itself has something else there, which hides the directory below.
                return
            }
        }
        let inode = try Syscall.linkStatus(path.name, at: parent.rawValue).inode
        let move = Move(inode: inode, place: place, target: target)
        try merge(path, at: parent.rawValue, into: place, target, move)
        try Syscall.removeTree(path.name, at: parent.rawValue)
        resolver.forget()
        try notes.move(path, to: target)
    }

    /// A directory that is on its way into another one. Both are one from now on: the names in it may lead back to it.
    private struct Move {
        let inode: UInt64
        let place: SharedFD
        let target: EntryPath
    }

    /// What is at both places stays as it is at the second, see `DirectoryRecord.merge`.
    private func merge(
        _ path: EntryPath, at parent: Int32, into place: SharedFD, _ target: EntryPath, _ move: Move
    ) throws(Errno) {
        let source = try Syscall.open(path.name, [.directory, .noFollow], at: parent)
        var entries = DirectoryEntries(of: source.rawValue)
        while let inner = try entries.next() {
            do throws(Errno) {
                try Syscall.rename(inner, at: source.rawValue, inner, at: place.rawValue, flags: CLX_RENAME_NOREPLACE)
            } catch .EEXIST {
                let (old, new) = (path.appending(inner.bytes), target.appending(inner.bytes))
                try merge(old, at: source.rawValue, with: new, at: place.rawValue, move)
            }
        }
    }

    private func merge(
        _ old: EntryPath, at source: Int32, with new: EntryPath, at place: Int32, _ move: Move
    ) throws(Errno) {
        let name = old.name
        let (moved, there) = (try Syscall.linkStatus(name, at: source), try Syscall.linkStatus(name, at: place))
        if there.isWhiteout, !moved.isWhiteout {
            // The same layer brings the name too, and that wins; of a directory only the layer's own content stays.
            try Syscall.removeFile(name, at: place)
            try Syscall.rename(name, at: source, name, at: place, flags: CLX_RENAME_NOREPLACE)
            guard moved.isDirectory else { return }
            let inner = try Syscall.open(name, [.path, .directory, .noFollow], at: place)
            try Whiteout.markOpaque(inner.rawValue)
            try notes.hides(old)
        } else if moved.isDirectory, there.isDirectory {
            var (outer, path) = (move.place, move.target)
            if there.inode != move.inode {
                outer = SharedFD(try Syscall.open(name, [.path, .directory, .noFollow], at: place))
                path = new
            }
            try handOver(name, at: source, to: outer, try notes.merging(old, into: path))
            try merge(old, at: source, into: outer, path, move)
        } else if moved.isDirectory {
            try notes.forget(old)
        }
    }

    private func handOver(
        _ name: RawName, at source: Int32, to outer: SharedFD, _ merging: (describes: Bool, hides: Bool)
    ) throws(Errno) {
        if merging.hides { try Whiteout.markOpaque(outer.rawValue) }
        guard merging.describes else { return }
        let (place, itself) = (outer.rawValue, RawName("."))
        try removeAttributes(itself, at: place)
        let status = try Syscall.linkStatus(name, at: source)
        let attributes = DirectoryAttributes(
            permissions: status.permissions, uid: status.uid, gid: status.gid, modified: status.modified,
            attributes: try LowerTree.attributes(name, at: source))
        try describe(itself, by: attributes, at: place)
    }
}
