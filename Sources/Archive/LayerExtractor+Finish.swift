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
            if whiteout == .overlay { try adopt(path, below) }
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
    private func adopt(_ path: EntryPath, _ below: LowerTree?) throws(ArchiveError) {
        // It may have moved with the one it is in.
        guard let parent = try resolver.existing(path.parent, for: path.description) else { return }
        do throws(Errno) {
            do throws(Errno) {
                guard try Syscall.linkStatus(path.name, at: parent.rawValue).isDirectory else { return }
            } catch .ENOENT { return }
            if let attributes = try below?.directory(path) {
                try describe(path.name, by: attributes, at: parent.rawValue)
                try notes.set(attributes.modified, of: path)
            } else if let target = try below?.resolve(path) {
                try move(path, in: parent, to: target, below)
            } else {
                try notes.set(DirectoryAttributes.implied.modified, of: path)
            }
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
                if let attributes = try below?.directory(reached) {
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
        try merge(path.name, at: parent.rawValue, into: place)
        try Syscall.removeTree(path.name, at: parent.rawValue)
        resolver.forget()
        try notes.move(path, to: target)
    }

    /// What is at both places stays as it is at the second.
    private func merge(_ name: RawName, at directory: Int32, into place: SharedFD) throws(Errno) {
        let source = try Syscall.open(name, [.directory, .noFollow], at: directory)
        for inner in try Syscall.rawEntries(of: source.rawValue) {
            do throws(Errno) {
                try Syscall.rename(inner, at: source.rawValue, inner, at: place.rawValue, flags: CLX_RENAME_NOREPLACE)
            } catch .EEXIST {
                let isDirectory = try Syscall.linkStatus(inner, at: source.rawValue).isDirectory
                guard isDirectory, try Syscall.linkStatus(inner, at: place.rawValue).isDirectory else { continue }
                let there = try Syscall.open(inner, [.path, .directory, .noFollow], at: place.rawValue)
                try merge(inner, at: source.rawValue, into: SharedFD(there))
            }
        }
    }

    /// Copies a file that the archive only links to, or links to what was copied before.
    private func copy(_ waiting: DirectoryNotes.Link, from below: LowerTree?) throws {
        let (target, path) = (waiting.target, waiting.place)
        let parent = try resolver.directory(path.parent, for: path.description)
        let place = Place(directory: parent, name: path.name, path: path)
        if let status = try? Syscall.linkStatus(place.name, at: parent.rawValue), !status.isWhiteout {
            // Something that came later has the name.
            return
        }
        let link = LayerEntry(
            name: waiting.name, kind: .hardLink(target: Array(target.joined.bytes)), permissions: 0, uid: 0, gid: 0,
            modified: DirectoryAttributes.implied.modified, attributes: [])
        if let first = try attempt(link, { () throws(Errno) in try notes.copy(of: waiting) }) {
            let source = try resolver.directory(first.parent, for: path.description)
            return try attempt(link) { () throws(Errno) in
                try replacing(place) { () throws(Errno) in
                    try Syscall.makeLink(first.name, at: source.rawValue, place.name, at: parent.rawValue)
                }
            }
        }
        let found = try attempt(link) { () throws(Errno) in try below?.file(target, as: link.name) }
        guard let (entry, directory) = found else { throw link.linksToNothing(target) }
        guard case .file(let size) = entry.kind else { return try makeNode(entry, at: place) }
        try tally.add(size, of: entry)
        let content = try FileContent(target.name, at: directory.rawValue)
        try makeFile(entry, size: size, at: place, from: content)
    }
}
