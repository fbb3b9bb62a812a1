// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux
internal import Linux

/// The second step: what the layers below know, and what an entry that comes later may change.
extension LayerExtractor {
    /// Whether something is left to the layers below. Where they are in the same directory, nothing is.
    package var needsLower: Bool {
        whiteout == .overlay && (!pending.isEmpty || notes.implied.contains { !$0.isRoot })
    }

    /// Ends the layer; see `LayerWriter`. Space and checksum are those of a layer in overlay form.
    package func finish(above below: LowerTree?) throws -> LayerSummary {
        summary.impliedDirectories = notes.implied.filter { !$0.isRoot }.count
        summary.bringsRoot = !notes.implied.contains(.root)
        if whiteout == .overlay {
            if !summary.bringsRoot { directoryTimes[.root] = DirectoryAttributes.implied.modified }
            for path in notes.implied.sorted(by: { $0.components.count < $1.components.count }) where !path.isRoot {
                try adopt(path, below)
            }
            var copies: [EntryPath: EntryPath] = [:]
            for link in pending { try copy(link.target, to: link.place, link.entry, from: below, &copies) }
        }
        for directory in notes.opaque { try removeDeletions(in: directory) }
        try setTimes()
        if whiteout == .overlay { try takeInventory() }
        return summary
    }

    private func takeInventory() throws(ArchiveError) {
        do throws(Errno) {
            let inventory = try TreeInventory(of: root.rawValue, known: contents)
            (summary.bytes, summary.inodes) = (inventory.bytes, inventory.inodes)
            summary.checksum = inventory.checksum
        } catch {
            throw ArchiveError(entry: ".", error)
        }
    }

    private func setTimes() throws(ArchiveError) {
        for (path, time) in directoryTimes {
            guard let parent = try resolver.existing(path.parent, for: path.description) else { continue }
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
                directoryTimes[path] = attributes.modified
            } else if let target = try below?.resolve(path) {
                try move(path, in: parent, to: target, below)
            } else {
                directoryTimes[path] = DirectoryAttributes.implied.modified
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
                    directoryTimes[reached] = attributes.modified
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
        for (old, time) in directoryTimes where old.isBelow(path) {
            directoryTimes[EntryPath(steps: target.components + old.components[path.components.count...])] = time
            directoryTimes[old] = nil
        }
        directoryTimes[path] = nil
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

    /// Copies a file that the archive only links to; `copies` has the places of those that were copied before.
    private func copy(
        _ target: EntryPath, to path: EntryPath, _ link: LayerEntry, from below: LowerTree?,
        _ copies: inout [EntryPath: EntryPath]
    ) throws {
        let parent = try resolver.directory(path.parent, for: path.description)
        let place = Place(directory: parent, name: path.name, path: path)
        if let status = try? Syscall.linkStatus(place.name, at: parent.rawValue), !status.isWhiteout {
            // Something that came later has the name.
            return
        }
        if let first = copies[target], first != path {
            let source = try resolver.directory(first.parent, for: path.description)
            return try attempt(link) { () throws(Errno) in
                try replacing(place) { () throws(Errno) in
                    try Syscall.makeLink(first.name, at: source.rawValue, place.name, at: parent.rawValue)
                }
            }
        }
        copies[target] = path
        let found = try attempt(link) { () throws(Errno) in try below?.file(target, as: link.name) }
        guard let (entry, directory) = found else { throw link.linksToNothing(target) }
        guard case .file(let size) = entry.kind else { return try makeNode(entry, at: place) }
        try tally.add(size, of: entry)
        let content = try FileContent(target.name, at: directory.rawValue)
        try makeFile(entry, size: size, at: place, from: content)
    }
}
