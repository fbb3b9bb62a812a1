// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux
package import Linux

/// Writes one layer straight from its tar into one EROFS image, in overlay form; see `ErofsFormat` for what is where.
///
/// Contents and inodes of files go to the file as they come. Names, and the attributes of directories, are kept in a store of
/// pages and written at the end, because an entry may change them until then. The same archive gives the same bytes.
@safe package final class ErofsLayer: LayerWriter {
    let file: ErofsFile
    var tally: UnpackTally
    let identity: [UInt8]
    private let store: PageStore
    var tree: EntryTree
    var links: ErofsLinks
    var waiting: WaitingLinks
    /// Whether something is left to the layers below.
    package private(set) var needsLower = false
    var summary = LayerSummary()
    /// The time of compact inodes: that of the first entry, because many images have one time for all.
    private(set) var base: Timestamp?
    var hasChunks = false
    private var serial: UInt32 = 1
    /// The directory that was found last.
    private var lastParent: (path: EntryPath, directory: Int)?
    /// What the name of an entry began with, up to its last slash, and the directory that this is.
    private var near: (prefix: [UInt8], directory: Int)?
    private let tail = UnsafeMutableRawBufferPointer.allocate(byteCount: ErofsFormat.blockSize, alignment: 8)

    /// Makes the file, which must not be there. `identity` is 16 bytes that differ from those of every other layer.
    package convenience init(
        at path: String, identity: [UInt8], limits: UnpackLimits = UnpackLimits()
    ) throws(ArchiveError) {
        let made: SharedFD
        do throws(Errno) {
            made = SharedFD(try Syscall.open(path, [.readWrite, .create, .exclusive], mode: 0o600))
        } catch {
            throw ArchiveError(writing: path, error)
        }
        try self.init(to: made, at: path, identity: identity, limits: limits)
    }

    /// Writes to a file that is open and empty. What does not fit into memory goes to another file beside `path`.
    package init(
        to file: SharedFD, at path: String?, identity: [UInt8], limits: UnpackLimits = UnpackLimits()
    ) throws(ArchiveError) {
        self.file = ErofsFile(file)
        self.identity = identity
        tally = UnpackTally(limits)
        store = PageStore(beside: path)
        tree = try EntryTree(in: store)
        links = ErofsLinks(in: store)
        waiting = WaitingLinks(in: store)
    }

    deinit { unsafe tail.deallocate() }

    /// Takes all entries.
    package func take(_ reader: LayerReader) throws {
        while let entry = try reader.next() {
            try tally.add(entry)
            if base == nil { base = entry.modified }
            if let (name, directory) = neighbour(entry) {
                try make(entry, name, in: directory, from: reader)
                continue
            }
            let path = try EntryPath(cleaning: entry.name, entry: entry.displayName)
            switch try Whiteout.mark(of: path, entry: entry.displayName) {
            case .none: try make(entry, at: path, from: reader)
            case .delete(let name): try delete(name.bytes, in: path.parent, for: entry)
            case .opaque:
                let directory = try directory(path.parent, for: entry)
                try tree.change(directory) { $0.isOpaque = true }
            case .housekeeping: break
            }
        }
        needsLower = try !waiting.isEmpty || tree.hasImplied()
        // It may wait long, and many others with it.
        if needsLower { try attempt { () throws(Errno) in try file.rest() } }
    }

    /// Gives back what was needed until the end.
    func forgetNames() { store.clear() }

    /// An error of the kernel that has nothing to do with an entry.
    func attempt<Value>(_ body: () throws(Errno) -> Value) throws(ArchiveError) -> Value {
        do throws(Errno) { return try body() } catch { throw ArchiveError(writing: "", error) }
    }

    /// The name of an entry that is in the same directory as one before, whose name began in the same way, and the directory:
    /// so it is with nearly all files. Nil when that is not so, or the name is one that must be looked at.
    private func neighbour(_ entry: LayerEntry) -> (name: ArraySlice<UInt8>, directory: Int)? {
        guard let near, entry.name.count <= EntryPath.lengthLimit, entry.name.starts(with: near.prefix) else {
            return nil
        }
        let name = entry.name[near.prefix.count...]
        guard let first = name.first, first != UInt8(ascii: "."), name.count <= ErofsFormat.nameLimit,
            !name.contains(UInt8(ascii: "/"))
        else { return nil }
        return (name, near.directory)
    }

    private func make(_ entry: LayerEntry, at path: EntryPath, from reader: LayerReader) throws {
        if path.isRoot {
            guard entry.kind == .directory else {
                throw ArchiveError(.hostile, "unpack entry", entry.displayName, "it replaces the root of the layer")
            }
            try describe(EntryTree.root, by: entry)
            return try checkRoot(entry)
        }
        let parent = try directory(path.parent, for: entry)
        if let slash = entry.name.lastIndex(of: UInt8(ascii: "/")), slash < entry.name.count - 1 {
            near = (Array(entry.name[...slash]), parent)
        }
        try make(entry, path.last, in: parent, from: reader)
    }

    private func make(
        _ entry: LayerEntry, _ name: ArraySlice<UInt8>, in parent: Int, from reader: LayerReader
    ) throws {
        let there = try find(name, in: parent, for: entry)
        switch entry.kind {
        case .directory: try makeDirectory(entry, name, in: parent, there)
        case .hardLink(let target): try makeHardLink(entry, to: target, name, in: parent, there)
        case .file(let size):
            try tally.add(size, of: entry)
            let inode = try write(entry, size: size, from: reader)
            try put(.inode(inode, .regular), name, in: parent, there)
        case .symlink(let target):
            try put(.link(try makeLink(entry, target)), name, in: parent, there)
        case .characterDevice, .blockDevice, .fifo:
            let (inode, type) = try writeNode(entry)
            try put(.inode(inode, type), name, in: parent, there)
        }
    }

    // MARK: Names

    /// The directory; missing ones are made. Links of the same layer are followed as if its root were `/`.
    func directory(_ path: EntryPath, for entry: LayerEntry) throws(ArchiveError) -> Int {
        if let lastParent, lastParent.path == path { return lastParent.directory }
        // With `makes` set there is always one.
        guard case .directory(let found) = try walk(path, for: entry, makes: true) else { return EntryTree.root }
        lastParent = (path, found)
        return found
    }

    /// The names that are there are what the walk passes; those that are missing are made on demand.
    func walk(_ path: EntryPath, for entry: LayerEntry, makes: Bool) throws(ArchiveError) -> EntryWay<Int> {
        var stack = [EntryTree.root]
        var steps = Array(path.components.reversed())
        var passed = 0
        while let step = steps.popLast() {
            let current = stack[stack.count - 1]
            if step.elementsEqual("..".utf8) {
                guard stack.count > 1 else {
                    throw entry.fault(.hostile, "a symbolic link in it climbs out of the layer")
                }
                stack.removeLast()
                continue
            }
            let there = try find(step, in: current, for: entry)
            switch there.target {
            case nil:
                guard makes else {
                    let reached = try tree.path(of: current).components
                    return .missing(EntryPath(steps: reached + [step] + steps.reversed()))
                }
                try tally.addDirectories(1, steps: stack.count, unbrought: 1)
                stack.append(try tree.addDirectory(step, in: current, there, isImplied: true))
                try UnpackLimits.check(depth: stack.count - 1, of: entry.displayName)
            case .directory(let index)?:
                stack.append(index)
                try UnpackLimits.check(depth: stack.count - 1, of: entry.displayName)
            case .link(let index)?:
                passed += 1
                guard passed <= UnpackLimits.linksOfName else {
                    throw entry.fault(.hostile, "it passes too many symbolic links")
                }
                let target = try links.target(index)
                try tally.pass(links: target.count)
                if target.first == UInt8(ascii: "/") { stack = [EntryTree.root] }
                steps += EntryPath.steps(of: target).reversed()
            case .whiteout? where makes:
                // Deleted and made anew as a directory by the same layer: nothing below may shine through.
                try tally.addDirectories(1, steps: stack.count, unbrought: 1)
                let made = try tree.addDirectory(step, in: current, there, isImplied: false)
                try tree.change(made) { $0.isOpaque = true }
                stack.append(made)
            case .whiteout?: return .deleted
            case .inode?, .pending?:
                let name = ArchiveError.quoted(String(decoding: step, as: UTF8.self))
                throw entry.fault(.unsupported, "a file is where \(name) must be a directory")
            }
        }
        return .directory(stack[stack.count - 1])
    }

    func find(
        _ name: ArraySlice<UInt8>, in directory: Int, for entry: LayerEntry
    ) throws(ArchiveError) -> EntryTree.Finding {
        guard name.count <= ErofsFormat.nameLimit else {
            throw entry.fault(.tooLarge, "a name in it has more than \(ErofsFormat.nameLimit) bytes")
        }
        return try tree.find(name, in: directory)
    }

    func put(
        _ target: EntryTree.Target, _ name: ArraySlice<UInt8>, in parent: Int, _ there: EntryTree.Finding
    ) throws(ArchiveError) {
        forgetWay(through: there)
        try tree.put(target, name, in: parent, there)
    }

    /// What was found through a name that is replaced must be found anew.
    func forgetWay(through there: EntryTree.Finding) {
        switch there.target {
        case .directory?, .link?: (lastParent, near) = (nil, nil)
        default: break
        }
    }

    private func delete(_ name: ArraySlice<UInt8>, in path: EntryPath, for entry: LayerEntry) throws(ArchiveError) {
        let parent = try directory(path, for: entry)
        let there = try find(name, in: parent, for: entry)
        guard let target = there.target else { return try tree.put(.whiteout, name, in: parent, there) }
        // The same layer brings the name too, and that wins; of a directory only the layer's own content stays.
        if case .directory(let index) = target { try tree.change(index) { $0.isOpaque = true } }
    }

    // MARK: Inodes

    func nextSerial() -> UInt32 {
        defer { serial &+= 1 }
        return serial
    }

    /// The buffer for the end of a content.
    func withTail<Value>(_ body: (UnsafeMutableRawBufferPointer) throws -> Value) rethrows -> Value {
        unsafe try body(tail)
    }
}
