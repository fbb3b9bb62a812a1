// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// Puts right what the archive left to the layers below.
extension ErofsLayer {
    /// Directories that were not brought become what they are below. Where a layer below has a link in place of one, what
    /// is in it moves to where the link leads, as if the archive had been unpacked over that layer. Returns how many
    /// there are.
    func adopt(_ below: LowerTree?) throws(ArchiveError) -> Int {
        let implied = tree.implied
        for directory in implied {
            guard let below else { break }
            let path = tree.path(of: directory)
            do throws(Errno) {
                if let attributes = try below.directory(path) {
                    tree.change(directory) { $0.attributes = attributes }
                } else if let target = try below.resolve(path) {
                    try move(directory, to: target, below)
                }
            } catch {
                throw ArchiveError(entry: path, error)
            }
        }
        return implied.count
    }

    private func move(_ directory: Int, to path: EntryPath, _ below: LowerTree) throws(Errno) {
        var place = EntryTree.root
        var reached: [ArraySlice<UInt8>] = []
        for step in path.components {
            reached.append(step)
            if let there = tree.find(step, in: place) {
                // The layer itself has something else there, which hides the directory below.
                guard case .directory(let index) = tree[there] else { return }
                place = index
            } else {
                let attributes = try below.directory(EntryPath(steps: reached)) ?? .implied
                place = tree.addDirectory(step, in: place, attributes, isImplied: true)
            }
        }
        merge(directory, into: place)
        tree.removeDirectory(directory)
    }

    /// What is at both places stays as it is at the second.
    private func merge(_ directory: Int, into place: Int) {
        for child in tree.children(of: directory).map({ Int($0) }) {
            let name = tree.name(child)
            guard let there = tree.find(name, in: place) else {
                tree.move(child, to: place)
                continue
            }
            if case .directory(let inner) = tree[child], case .directory(let outer) = tree[there] {
                merge(inner, into: outer)
            }
        }
    }

    /// Copies a file that the archive only links to.
    func copy(
        _ path: EntryPath, for link: LayerEntry, from below: LowerTree?
    ) throws -> (inode: ErofsReference, type: ErofsFormat.FileType) {
        let found = try attempt(link) { () throws(Errno) in try below?.file(path, as: link.name) }
        guard let (entry, directory) = found else { throw link.linksToNothing(path) }
        switch entry.kind {
        case .file(let size):
            try tally.add(size, of: entry)
            let content = try FileContent(path.name, at: directory.rawValue)
            let inode = try write(entry, size: size, from: content)
            return (inode, .regular)
        case .symlink(let target):
            let index = try makeLink(entry, target)
            return (links.inodes[index], .symlink)
        case .directory, .hardLink, .characterDevice, .blockDevice, .fifo: return try writeNode(entry)
        }
    }
}
