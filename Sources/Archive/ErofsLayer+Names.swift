// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// Entries that are only names until the end: directories, and further names of files.
extension ErofsLayer {
    func makeDirectory(
        _ entry: LayerEntry, _ name: ArraySlice<UInt8>, in parent: Int, _ there: EntryTree.Finding
    ) throws(ArchiveError) {
        if case .directory(let index)? = there.target { return try describe(index, by: entry) }
        forgetWay(through: there)
        try tally.addDirectories(1, steps: 1, unbrought: 0)
        let index = try tree.addDirectory(name, in: parent, there, isImplied: false)
        try describe(index, by: entry)
        // Deleted and made anew by the same layer: nothing below may shine through.
        if there.target == .whiteout { try tree.change(index) { $0.isOpaque = true } }
    }

    func describe(_ directory: Int, by entry: LayerEntry) throws(ArchiveError) {
        let attributes = entry.attributes.filter { !Whiteout.isReserved(attribute: $0.name) }
        try tally.add(attributes)
        let described = DirectoryAttributes(
            permissions: entry.permissions, uid: entry.uid, gid: entry.gid, modified: entry.modified,
            attributes: attributes)
        try tree.describe(directory, by: described)
        try tree.change(directory) { $0.isImplied = false }
    }

    /// The inode of the root has only what is left of the first block.
    func checkRoot(_ entry: LayerEntry) throws(ArchiveError) {
        let size = Int(try tree.directory(EntryTree.root).attributesSize)
        // The mark of an opaque directory may be added.
        let room = ErofsFormat.blockSize - ErofsFormat.rootOffset - 64 - 32
        guard size > room else { return }
        throw entry.fault(.tooLarge, "the attributes of the root take \(size) bytes, there is room for \(room)")
    }

    func makeHardLink(
        _ entry: LayerEntry, to target: [UInt8], _ name: ArraySlice<UInt8>, in parent: Int,
        _ there: EntryTree.Finding
    ) throws(ArchiveError) {
        let path = try EntryPath(cleaning: target, entry: entry.displayName, what: "the target of the hard link")
        guard !path.isRoot else { throw entry.linksToDirectory(path) }
        let holder: Int
        switch try walk(path.parent, for: entry, makes: false) {
        case .deleted: throw entry.linksToNothing(path)
        case .missing(let holder):
            return try wait(entry, for: holder.appending(path.last), named: path, name, in: parent, there)
        case .directory(let found): holder = found
        }
        guard let found = try find(path.last, in: holder, for: entry).target else {
            let target = try tree.path(of: holder).appending(path.last)
            return try wait(entry, for: target, named: path, name, in: parent, there)
        }
        // A link to itself, as some tools write it.
        guard holder != parent || path.last != name else { return }
        let inode: ErofsReference?
        switch found {
        case .directory: throw entry.linksToDirectory(path)
        case .whiteout: throw entry.linksToNothing(path)
        case .inode(let known, _): inode = known
        case .link(let index): inode = try links.inode(index)
        case .pending: inode = nil
        }
        // What it links to would go with the directory that it replaces.
        if case .directory(let replaced)? = there.target, try tree.isWithin(holder, replaced) {
            throw entry.linksToNothing(path)
        }
        forgetWay(through: there)
        try tree.link(name, in: parent, to: path.last, in: holder, inode)
    }

    private func wait(
        _ entry: LayerEntry, for target: EntryPath, named path: EntryPath, _ name: ArraySlice<UInt8>, in parent: Int,
        _ there: EntryTree.Finding
    ) throws(ArchiveError) {
        guard !target.isBelow(try tree.path(of: parent).appending(name)) else { throw entry.linksToNothing(path) }
        try entry.checkLength(of: target)
        try put(.pending(try wait(for: target, entry)), name, in: parent, there)
    }

    private func wait(for path: EntryPath, _ link: LayerEntry) throws(ArchiveError) -> Int {
        if let known = try tree.note(.waiting, path.lookup), try waiting.path(at: Int(known)) == path {
            return Int(known)
        }
        try tally.add(waiting: link, steps: path.components.count)
        let place = try waiting.add(path, link.name)
        try tree.setNote(.waiting, path.lookup, UInt64(place))
        return place
    }
}

extension LayerEntry {
    func fault(_ code: ArchiveError.Code, _ reason: String) -> ArchiveError {
        ArchiveError(code, "unpack entry", displayName, reason)
    }

    /// Of what a hard link leads to, which the kernel would not take either: path_resolution(7).
    func checkLength(of target: EntryPath) throws(ArchiveError) {
        guard target.joined.bytes.count >= EntryPath.lengthLimit else { return }
        throw fault(.tooLarge, "the target of the hard link has more than \(EntryPath.lengthLimit) bytes")
    }

    func linksToNothing(_ path: EntryPath) -> ArchiveError {
        fault(.unsupported, "there is no \(ArchiveError.quoted(path.description)) to link to")
    }

    func linksToDirectory(_ path: EntryPath) -> ArchiveError {
        fault(.hostile, "it is a hard link to the directory \(ArchiveError.quoted(path.description))")
    }
}
