// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// What a `LayerExtractor` must know until the layer is complete: directories, by the paths that entries have for them, links
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

    /// An entry used a directory that was not there.
    func made(_ path: EntryPath, hides: Bool) throws(Errno) {
        try change(path) {
            $0.isImplied = true
            if hides { $0.isOpaque = true }
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

    /// What is in a directory was moved to another one.
    func move(_ path: EntryPath, to target: EntryPath) throws(Errno) {
        try ArchiveError.asErrno { () throws(ArchiveError) in
            guard let old = try known(path) else { return }
            let new = try number(target)
            try merge(old, into: new)
            try tree.removeDirectory(old)
            try tree.merge(old, into: new)
        }
    }

    private func merge(_ old: Int, into new: Int) throws(ArchiveError) {
        var last: [UInt8]?
        while let (name, target) = try tree.child(of: old, after: last) {
            last = name
            guard case .directory(let inner) = target else { continue }
            guard case .directory(let outer)? = try tree.find(name[...], in: new).target else {
                try tree.move(name[...], in: old, to: new)
                continue
            }
            let record = try tree.directory(inner)
            if record.hasTime { try tree.change(outer) { $0.set(record.modified) } }
            try merge(inner, into: outer)
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
        var name: [UInt8]
        var target: EntryPath
        var place: EntryPath
        fileprivate var number = 0

        init(name: [UInt8], target: EntryPath, place: EntryPath) {
            (self.name, self.target, self.place) = (name, target, place)
        }
    }

    /// Lets a link wait for the layers below. Its target may itself be a link that waits.
    func wait(_ link: Link) throws(Errno) {
        try ArchiveError.asErrno { () throws(ArchiveError) in
            var target = link.target
            if let known = try tree.note(.waiting, target.lookup), try waiting.link(at: Int(known)) == target,
                try tree.isLive(Int(try waiting.number(at: Int(known))))
            {
                target = try waiting.path(at: Int(known))
            }
            let parent = UInt64(try number(link.place.parent))
            let place = try waiting.add(target, link.name, from: link.place, number: parent)
            try tree.setNote(.waiting, link.place.lookup, UInt64(place))
        }
    }

    /// Calls the body with all links that wait, but for those whose directories are no more.
    func visitLinks(_ body: (Link) throws -> Void) throws {
        var next = 0
        while next < waiting.end {
            let place = next
            next = try waiting.next(after: place)
            guard let path = try path(ofLinkAt: place) else { continue }
            var link = Link(name: try waiting.name(at: place), target: try waiting.path(at: place), place: path)
            link.number = place
            try body(link)
        }
    }

    /// Where a link is, which may have moved with the directory that it is in; nil when that is no more.
    private func path(ofLinkAt place: Int) throws(ArchiveError) -> EntryPath? {
        let parent = try tree.successor(of: Int(try waiting.number(at: place)))
        guard try tree.isLive(parent) else { return nil }
        return try tree.path(of: parent).appending(try waiting.link(at: place).last)
    }

    /// Where the target of a link was copied to before; if it was not, that it will be where the link is.
    func copy(of link: Link) throws(Errno) -> EntryPath? {
        try ArchiveError.asErrno { () throws(ArchiveError) -> EntryPath? in
            guard let known = try tree.note(.links, link.target.lookup) else {
                try tree.setNote(.links, link.target.lookup, UInt64(link.number))
                return nil
            }
            guard try waiting.path(at: Int(known)) == link.target else { return nil }
            return Int(known) == link.number ? nil : try path(ofLinkAt: Int(known))
        }
    }
}
