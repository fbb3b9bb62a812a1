// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// Entries that are only names until the end: directories, and further names of files.
extension ErofsLayer {
    func makeDirectory(
        _ entry: LayerEntry, _ name: ArraySlice<UInt8>, in parent: Int, _ there: Int?
    ) throws(ArchiveError) {
        if let there, case .directory(let index) = tree[there] { return try describe(index, by: entry) }
        let hides = there.map { tree[$0] == .whiteout } ?? false
        if let there { forgetWay(through: there) }
        try tally.addDirectories(1, steps: 1, unbrought: 0)
        let index = tree.addDirectory(name, in: parent, replacing: there, .implied, isImplied: false)
        try describe(index, by: entry)
        // Deleted and made anew by the same layer: nothing below may shine through.
        if hides { tree.change(index) { $0.isOpaque = true } }
    }

    func describe(_ directory: Int, by entry: LayerEntry) throws(ArchiveError) {
        let attributes = entry.attributes.filter { !Whiteout.isReserved(attribute: $0.name) }
        try tally.add(attributes)
        tree.change(directory) {
            $0.attributes = DirectoryAttributes(
                permissions: entry.permissions, uid: entry.uid, gid: entry.gid, modified: entry.modified,
                attributes: attributes)
            $0.isImplied = false
        }
    }

    /// The inode of the root has only what is left of the first block.
    func checkRoot(_ entry: LayerEntry) throws(ArchiveError) {
        var skipped = 0
        let attributes = tree.directories[EntryTree.root].attributes.attributes
        let size = ErofsAttributes.encode(attributes, skipped: &skipped).count
        // The mark of an opaque directory may be added.
        let room = ErofsFormat.blockSize - ErofsFormat.rootOffset - 64 - 32
        guard size > room else { return }
        throw entry.fault(.tooLarge, "the attributes of the root take \(size) bytes, there is room for \(room)")
    }

    func makeHardLink(
        _ entry: LayerEntry, to target: [UInt8], _ name: ArraySlice<UInt8>, in parent: Int, _ there: Int?
    ) throws(ArchiveError) {
        let path = try EntryPath(cleaning: target, entry: entry.displayName, what: "the target of the hard link")
        let holder = try walk(path.parent, for: entry, makes: false)
        let found = try holder.flatMap { directory throws(ArchiveError) in
            path.isRoot ? nil : try find(path.last, in: directory, for: entry)
        }
        guard found == nil || found != there else { return }
        guard let found else {
            guard !path.isRoot else { throw entry.linksToDirectory(path) }
            return put(.pending(try wait(for: path, entry)), name, in: parent, there)
        }
        switch tree[found] {
        case .directory: throw entry.linksToDirectory(path)
        case .whiteout: throw entry.linksToNothing(path)
        case .inode(let inode, _): linkCounts[inode] = 0
        case .link(let index): linkCounts[links.inodes[index]] = 0
        case .pending: break
        }
        put(tree[found], name, in: parent, there)
    }

    private func wait(for path: EntryPath, _ link: LayerEntry) throws(ArchiveError) -> Int {
        if let known = pendingPlaces[path] { return known }
        try tally.add(waiting: link, steps: path.components.count)
        pendingPlaces[path] = pending.count
        pending.append((path, link))
        return pending.count - 1
    }
}

extension LayerEntry {
    func fault(_ code: ArchiveError.Code, _ reason: String) -> ArchiveError {
        ArchiveError(code, "unpack entry", displayName, reason)
    }

    func linksToNothing(_ path: EntryPath) -> ArchiveError {
        fault(.unsupported, "there is no \(ArchiveError.quoted(path.description)) to link to")
    }

    func linksToDirectory(_ path: EntryPath) -> ArchiveError {
        fault(.hostile, "it is a hard link to the directory \(ArchiveError.quoted(path.description))")
    }
}
