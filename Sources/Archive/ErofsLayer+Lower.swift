// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// Puts right what the archive left to the layers below.
extension ErofsLayer {
    /// Directories that were not brought become what they are below. Where a layer below has a link in place of one, what
    /// is in it moves to where the link leads, as if the archive had been unpacked over that layer. Returns how many
    /// there are.
    func adopt(_ below: LowerTree?) throws(ArchiveError) -> Int {
        var implied = 0
        // Those that are added meanwhile are of the layers below.
        for directory in 0..<tree.directoryCount where try tree.isImplied(directory) {
            implied += 1
            guard let below else { continue }
            let path = try tree.path(of: directory)
            var passed = 0
            if let attributes = try attempt(path, { () throws(Errno) in try below.directory(path, &passed) }) {
                try tally.add(attributes.attributes)
                try tree.describe(directory, by: attributes)
            } else if let target = try attempt(path, { () throws(Errno) in try below.resolve(path, &passed) }) {
                try move(directory, to: target, below)
            }
            try tally.pass(links: passed)
        }
        return implied
    }

    private func move(_ directory: Int, to path: EntryPath, _ below: LowerTree) throws(ArchiveError) {
        var place = EntryTree.root
        var reached = EntryPath.root
        for step in path.components {
            reached = reached.appending(step)
            let (there, current) = (try tree.find(step, in: place), reached)
            switch there.target {
            case .directory(let index)?: place = index
            case nil:
                // There are no links in where one leads.
                var passed = 0
                let attributes = try attempt(current) { () throws(Errno) in try below.directory(current, &passed) }
                place = try tree.addDirectory(step, in: place, there, isImplied: true)
                if let attributes { try tree.describe(place, by: attributes) }
            // The layer itself has something else there, which hides the directory below.
            default: return
            }
        }
        try merge(directory, into: place, (directory, place))
        try tree.removeDirectory(directory)
    }

    /// What is at both places stays as it is at the second, see `DirectoryRecord.merge`.
    /// What `move` says is one directory from now on: the names in it may lead back to it.
    private func merge(_ directory: Int, into place: Int, _ move: (from: Int, to: Int)) throws(ArchiveError) {
        var last: [UInt8]?
        while let (name, target) = try tree.child(of: directory, after: last) {
            last = name
            let there = try tree.find(name[...], in: place).target
            if there == nil || there == .whiteout {
                try tree.move(name[...], in: directory, to: place)
                // The same layer brings the name too, and that wins; of a directory only the layer's own content stays.
                if there == .whiteout, case .directory(let inner) = target {
                    try tree.change(inner) { $0.isOpaque = true }
                }
                continue
            }
            if case .directory(let inner) = target, case .directory(let known)? = there {
                let outer = known == move.from ? move.to : known
                let record = try tree.directory(inner)
                try tree.change(outer) { $0.merge(record) }
                try merge(inner, into: outer, move)
            }
        }
    }

    private func attempt<Value>(
        _ path: EntryPath, _ body: () throws(Errno) -> Value
    ) throws(ArchiveError) -> Value {
        do throws(Errno) { return try body() } catch { throw ArchiveError(entry: path, error) }
    }

    /// Copies the files that the archive only links to.
    func copyWaiting(from below: LowerTree?) throws {
        var next = 0
        while next < waiting.end {
            let place = next
            let path = try waiting.path(at: place)
            let link = LayerEntry(
                name: try waiting.name(at: place), kind: .hardLink(target: Array(path.joined.bytes)), permissions: 0,
                uid: 0, gid: 0, modified: DirectoryAttributes.implied.modified, attributes: [])
            let (inode, type) = try copy(path, for: link, from: below)
            try waiting.set(inode, type, at: place)
            try tree.setNote(.links, inode.rawValue, 0)
            next = try waiting.next(after: place)
        }
    }

    /// Copies a file that the archive only links to.
    private func copy(
        _ path: EntryPath, for link: LayerEntry, from below: LowerTree?
    ) throws -> (inode: ErofsReference, type: ErofsFormat.FileType) {
        var passed = 0
        let found = try attempt(link) { () throws(Errno) in try below?.file(path, as: link.name, &passed) }
        try tally.pass(links: passed)
        guard let (entry, directory) = found else { throw link.linksToNothing(path) }
        switch entry.kind {
        case .file(let size):
            try tally.add(size, of: entry)
            let content = try FileContent(path.name, at: directory.rawValue)
            let inode = try write(entry, size: size, from: content)
            return (inode, .regular)
        case .symlink(let target):
            let index = try makeLink(entry, target)
            return (try links.inode(index), .symlink)
        case .directory, .hardLink, .characterDevice, .blockDevice, .fifo: return try writeNode(entry)
        }
    }
}
