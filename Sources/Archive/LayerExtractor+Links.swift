// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux
internal import Linux

/// Hard links. One to a file that only a layer below has waits for it, and in its place is a socket until then: no archive
/// can bring one, and whatever is done with names meanwhile is done with it as with any file.
extension LayerExtractor {
    func makeHardLink(_ entry: LayerEntry, to target: [UInt8], at place: Place) throws(ArchiveError) {
        let path = try EntryPath(cleaning: target, entry: entry.displayName, what: "the target of the hard link")
        guard !path.isRoot else { throw entry.linksToDirectory(path) }
        let way = try resolver.way(path.parent, for: entry.displayName)
        try tally.pass(links: resolver.takePassed())
        switch way {
        case .deleted: throw entry.linksToNothing(path)
        case .missing(let parent):
            guard whiteout == .overlay else { throw entry.linksToNothing(path) }
            try wait(entry, for: parent.appending(path.last), named: path, at: place)
        case .directory(let parent): try makeHardLink(entry, to: Place(path, in: parent), path, at: place)
        }
    }

    private func makeHardLink(
        _ entry: LayerEntry, to file: Place, _ target: EntryPath, at place: Place
    ) throws(ArchiveError) {
        let status = try attempt(entry) { () throws(Errno) -> FileStatus? in
            do throws(Errno) { return try Syscall.linkStatus(file.name, at: file.directory.rawValue) } catch .ENOENT {
                return nil
            }
        }
        guard let status else {
            guard whiteout == .overlay else { throw entry.linksToNothing(target) }
            return try wait(entry, for: file.path, named: target, at: place)
        }
        // A link to itself, as some tools write it, must not remove the file first.
        if file.path == place.path { return }
        guard !status.isWhiteout else { throw entry.linksToNothing(target) }
        guard !status.isDirectory else { throw entry.linksToDirectory(target) }
        // What it links to would go with the directory that it replaces.
        guard !file.path.isBelow(place.path) else { throw entry.linksToNothing(target) }
        if whiteout == .overlay, status.kind == .socket {
            let first = try attempt(entry) { () throws(Errno) in try notes.target(of: status.inode) }
            return try wait(entry, for: first ?? file.path, at: place)
        }
        try attempt(entry) { () throws(Errno) in
            try replacing(place) { () throws(Errno) in
                try Syscall.makeLink(file.name, at: file.directory.rawValue, place.name, at: place.directory.rawValue)
            }
        }
    }

    private func wait(
        _ entry: LayerEntry, for target: EntryPath, named path: EntryPath, at place: Place
    ) throws(ArchiveError) {
        guard !target.isBelow(place.path) else { throw entry.linksToNothing(path) }
        try entry.checkLength(of: target)
        try wait(entry, for: target, at: place)
    }

    private func wait(_ entry: LayerEntry, for target: EntryPath, at place: Place) throws(ArchiveError) {
        try tally.add(waiting: entry, steps: target.components.count + place.path.components.count)
        try attempt(entry) { () throws(Errno) in
            try replacing(place) { () throws(Errno) in
                try Syscall.makeNode(
                    place.name, mode: CLX_S_IFSOCK | 0o600, device: DeviceNumber(major: 0, minor: 0),
                    at: place.directory.rawValue)
            }
            let inode = try Syscall.linkStatus(place.name, at: place.directory.rawValue).inode
            try notes.wait(entry.name, for: target, at: place.path, inode: inode)
        }
    }

    /// Copies a file that the archive only links to, or links to what was copied before.
    func copy(_ waiting: DirectoryNotes.Link, from below: LowerTree?) throws {
        let target = waiting.target
        let link = LayerEntry(
            name: waiting.name, kind: .hardLink(target: Array(target.joined.bytes)), permissions: 0, uid: 0, gid: 0,
            modified: DirectoryAttributes.implied.modified, attributes: [])
        let place = try stillWaiting(waiting, link)
        if let first = try attempt(link, { () throws(Errno) in try notes.copy(of: target) }) {
            guard let place else { return }
            let source = try resolver.directory(first.parent, for: link.displayName)
            return try attempt(link) { () throws(Errno) in
                try replacing(place) { () throws(Errno) in
                    try Syscall.makeLink(
                        first.name, at: source.handle.rawValue, place.name, at: place.directory.rawValue)
                }
            }
        }
        var passed = 0
        let found = try attempt(link) { () throws(Errno) in try below?.file(target, as: link.name, &passed) }
        try tally.pass(links: passed)
        // Also when the link is no more: there was nothing to link to when its turn was.
        guard let (entry, directory) = found else { throw link.linksToNothing(target) }
        guard let place else { return }
        if case .file(let size) = entry.kind {
            try tally.add(size, of: entry)
            let content = try FileContent(target.name, at: directory.rawValue)
            try makeFile(entry, size: size, at: place, from: content)
        } else {
            try makeNode(entry, at: place)
        }
        try attempt(link) { () throws(Errno) in try notes.copied(waiting) }
    }

    /// Where a link still waits for that file; nil where something that came later has the name.
    private func stillWaiting(_ waiting: DirectoryNotes.Link, _ link: LayerEntry) throws(ArchiveError) -> Place? {
        guard let path = waiting.place else { return nil }
        let place = Place(path, in: try resolver.directory(path.parent, for: link.displayName))
        return try attempt(link) { () throws(Errno) -> Place? in
            do throws(Errno) {
                let status = try Syscall.linkStatus(place.name, at: place.directory.rawValue)
                guard status.kind == .socket else { return nil }
                return try notes.target(of: status.inode) == waiting.target ? place : nil
            } catch .ENOENT { return nil }
        }
    }
}
