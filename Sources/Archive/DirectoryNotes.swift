// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// What a `LayerExtractor` must know until the layer is complete: directories, by their paths without links, hard links
/// that wait for the layers below, and checksums of contents. It is in a store of pages, so that its memory has a bound.
final class DirectoryNotes {
    private let store: PageStore
    private var tree: EntryTree
    private var waiting: WaitingLinks

    /// What does not fit into memory goes to a file without a name in the folder.
    init(in folder: String) throws(ArchiveError) {
        store = PageStore(beside: "\(folder)/.")
        tree = try EntryTree(in: store)
        waiting = WaitingLinks(in: store)
    }

    /// Gives back what was needed until the end. Nothing is known any more.
    func clear() { store.clear() }

    /// The number of directories; numbers are below it, and that of a directory is above that of the one that it was made in.
    var count: Int { tree.directoryCount }

    // MARK: Directories

    /// An entry used a directory that was not there. One that hides what is below it has nothing from there.
    func made(_ path: EntryPath, hides: Bool) throws(Errno) {
        try change(path) {
            $0.isImplied = !hides
            guard hides else { return }
            $0.isOpaque = true
            $0.set(DirectoryAttributes.implied.modified)
        }
    }

    /// An entry stands for the directory. Returns whether it is the first one.
    func brought(_ path: EntryPath, _ modified: Timestamp) throws(Errno) -> Bool {
        var isFirst = false
        try change(path) {
            isFirst = !$0.hasTime
            $0.isImplied = false
            $0.set(modified)
        }
        return isFirst
    }

    /// The directory hides everything below.
    func hides(_ path: EntryPath) throws(Errno) { try change(path) { $0.isOpaque = true } }

    /// The time that the directory gets in the end.
    func set(_ modified: Timestamp, of path: EntryPath) throws(Errno) { try change(path) { $0.set(modified) } }

    private func change(_ path: EntryPath, _ body: (inout DirectoryRecord) -> Void) throws(Errno) {
        try ArchiveError.asErrno { () throws(ArchiveError) in
            let directory = try number(path)
            try tree.change(directory, body)
        }
    }

    private func number(_ path: EntryPath) throws(ArchiveError) -> Int {
        var current = EntryTree.root
        for step in path.components {
            let found = try tree.find(step, in: current)
            if case .directory(let there)? = found.target {
                current = there
            } else {
                current = try tree.addDirectory(step, in: current, found, isImplied: false)
            }
        }
        return current
    }

    private func known(_ path: EntryPath) throws(ArchiveError) -> Int? {
        var current = EntryTree.root
        for step in path.components {
            guard case .directory(let there)? = try tree.find(step, in: current).target else { return nil }
            current = there
        }
        return current
    }

    /// The directory was removed, with everything below it.
    func forget(_ path: EntryPath) throws(Errno) {
        guard !path.isRoot else { return }
        try ArchiveError.asErrno { () throws(ArchiveError) in
            if let directory = try known(path) { try tree.removeDirectory(directory) }
        }
    }

    /// What a directory gives to another one into which it is moved; see `DirectoryRecord.merge`.
    func merging(_ path: EntryPath, into target: EntryPath) throws(Errno) -> (describes: Bool, hides: Bool) {
        try ArchiveError.asErrno { () throws(ArchiveError) -> (describes: Bool, hides: Bool) in
            guard let old = try known(path), let new = try known(target) else { return (false, false) }
            let record = try tree.directory(old)
            return (record.describes(try tree.directory(new)), record.isOpaque)
        }
    }

    /// What is in a directory was moved to another one.
    func move(_ path: EntryPath, to target: EntryPath) throws(Errno) {
        try ArchiveError.asErrno { () throws(ArchiveError) in
            guard let old = try known(path) else { return }
            let new = try number(target)
            try merge(old, into: new, (old, new))
            try tree.removeDirectory(old)
            try tree.merge(old, into: new)
        }
    }

    private func merge(_ old: Int, into new: Int, _ move: (from: Int, to: Int)) throws(ArchiveError) {
        var last: [UInt8]?
        while let (name, target) = try tree.child(of: old, after: last) {
            last = name
            guard case .directory(let inner) = target else { continue }
            guard case .directory(let known)? = try tree.find(name[...], in: new).target else {
                try tree.move(name[...], in: old, to: new)
                continue
            }
            let outer = known == move.from ? move.to : known
            let record = try tree.directory(inner)
            try tree.change(outer) { $0.merge(record) }
            try merge(inner, into: outer, move)
            try tree.merge(inner, into: outer)
        }
    }

    // MARK: The end

    /// Whether the archive did not bring the root.
    func rootIsImplied() throws(Errno) -> Bool {
        try ArchiveError.asErrno { () throws(ArchiveError) in try tree.directory(EntryTree.root).isImplied }
    }

    /// Whether something is left to the layers below.
    func needsLower() throws(Errno) -> Bool {
        if !waiting.isEmpty { return true }
        return try ArchiveError.asErrno { () throws(ArchiveError) in try tree.hasImplied() }
    }

    /// The path of a directory that is still there and that no entry stands for, the root left out.
    func implied(_ directory: Int) throws(Errno) -> EntryPath? {
        try ArchiveError.asErrno { () throws(ArchiveError) -> EntryPath? in
            try tree.isImplied(directory) ? try tree.path(of: directory) : nil
        }
    }

    /// The path of a directory that is still there and hides everything below.
    func hiding(_ directory: Int) throws(Errno) -> EntryPath? {
        try ArchiveError.asErrno { () throws(ArchiveError) -> EntryPath? in
            guard try tree.directory(directory).isOpaque, try tree.isLive(directory) else { return nil }
            return try tree.path(of: directory)
        }
    }

    /// The path of a directory that is still there, and the time that it gets.
    func time(_ directory: Int) throws(Errno) -> (path: EntryPath, modified: Timestamp)? {
        try ArchiveError.asErrno { () throws(ArchiveError) -> (path: EntryPath, modified: Timestamp)? in
            let record = try tree.directory(directory)
            guard record.hasTime, try tree.isLive(directory) else { return nil }
            return (try tree.path(of: directory), record.modified)
        }
    }

    // MARK: Contents

    /// Notes the checksum of the content of an inode.
    func set(content sum: UInt64, of inode: UInt64) throws(Errno) {
        try ArchiveError.asErrno { () throws(ArchiveError) in try tree.setNote(.contents, inode, sum) }
    }

    /// The checksum of the content of an inode.
    func content(of inode: UInt64) throws(Errno) -> UInt64? {
        try ArchiveError.asErrno { () throws(ArchiveError) -> UInt64? in try tree.note(.contents, inode) }
    }

    // MARK: Links

    /// A link that waits.
    struct Link {
        /// Of the entry.
        var name: [UInt8]
        var target: EntryPath
        /// Where it is now; nil when the directory that it was in is no more.
        var place: EntryPath?
        fileprivate var number = 0

        init(name: [UInt8], target: EntryPath, place: EntryPath?) {
            (self.name, self.target, self.place) = (name, target, place)
        }
    }

    /// Lets a link wait for the layers below; the inode is what is in its place until then.
    func wait(_ entry: [UInt8], for target: EntryPath, at link: EntryPath, inode: UInt64) throws(Errno) {
        try ArchiveError.asErrno { () throws(ArchiveError) in
            let parent = UInt64(try number(link.parent))
            let place = try waiting.add(target, entry, from: link.last, number: parent)
            try tree.setNote(.waiting, inode, UInt64(place))
        }
    }

    /// What the link waits for in whose place the inode is.
    func target(of inode: UInt64) throws(Errno) -> EntryPath? {
        try ArchiveError.asErrno { () throws(ArchiveError) -> EntryPath? in
            try tree.note(.waiting, inode).flatMap { place throws(ArchiveError) in try waiting.path(at: Int(place)) }
        }
    }

    /// Calls the body with all links that waited, in their order.
    func visitLinks(_ body: (Link) throws -> Void) throws {
        var next = 0
        while next < waiting.end {
            let place = next
            next = try waiting.next(after: place)
            var link = Link(
                name: try waiting.name(at: place), target: try waiting.path(at: place),
                place: try path(ofLinkAt: place))
            link.number = place
            try body(link)
        }
    }

    /// Where a link is, which may have moved with the directory that it is in; nil when that is no more.
    private func path(ofLinkAt place: Int) throws(ArchiveError) -> EntryPath? {
        let parent = try tree.successor(of: Int(try waiting.number(at: place)))
        guard try tree.isLive(parent) else { return nil }
        return try tree.path(of: parent).appending(try waiting.link(at: place)[...])
    }

    /// The target of the link was copied to where the link is.
    func copied(_ link: Link) throws(Errno) {
        try ArchiveError.asErrno { () throws(ArchiveError) in
            try tree.setNote(.links, link.target.lookup, UInt64(link.number))
        }
    }

    /// Where a target was copied to before.
    func copy(of target: EntryPath) throws(Errno) -> EntryPath? {
        try ArchiveError.asErrno { () throws(ArchiveError) -> EntryPath? in
            guard let known = try tree.note(.links, target.lookup), try waiting.path(at: Int(known)) == target else {
                return nil
            }
            return try path(ofLinkAt: Int(known))
        }
    }
}
