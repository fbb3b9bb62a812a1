// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux
package import Linux

/// Writes one layer straight from its tar into one EROFS image, in overlay form; see `ErofsFormat` for what is where.
///
/// Contents and inodes of files go to the file as they come. Names, and the attributes of directories, stay in memory and
/// are written at the end, because an entry may change them until then. The same archive gives the same bytes.
@safe package final class ErofsLayer: LayerWriter {
    let file: ErofsFile
    var tally: UnpackTally
    let identity: [UInt8]
    var tree = EntryTree()
    var links = ErofsLinks()
    /// Files that the archive only links to, and where each is among them.
    var pending: [(path: EntryPath, link: LayerEntry)] = []
    var pendingPlaces: [EntryPath: Int] = [:]
    /// Inodes that may have more names than one, and how many.
    var linkCounts: [ErofsReference: UInt32] = [:]
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
        self.init(to: made, identity: identity, limits: limits)
    }

    /// Writes to a file that is open and empty.
    package init(to file: SharedFD, identity: [UInt8], limits: UnpackLimits = UnpackLimits()) {
        self.file = ErofsFile(file)
        self.identity = identity
        tally = UnpackTally(limits)
    }

    deinit { unsafe tail.deallocate() }

    /// Whether something is left to the layers below.
    package var needsLower: Bool { !pending.isEmpty || !tree.implied.isEmpty }

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
                tree.change(directory) { $0.isOpaque = true }
            case .housekeeping: break
            }
        }
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
            put(.inode(inode, .regular), name, in: parent, there)
        case .symlink(let target):
            put(.link(try makeLink(entry, target)), name, in: parent, there)
        case .characterDevice, .blockDevice, .fifo:
            let (inode, type) = try writeNode(entry)
            put(.inode(inode, type), name, in: parent, there)
        }
    }

    // MARK: Names

    /// The directory; missing ones are made. Links of the same layer are followed as if its root were `/`.
    func directory(_ path: EntryPath, for entry: LayerEntry) throws(ArchiveError) -> Int {
        if let lastParent, lastParent.path == path { return lastParent.directory }
        let found = try walk(path, for: entry, makes: true) ?? EntryTree.root
        lastParent = (path, found)
        return found
    }

    /// The names that are there are what the walk passes; nil when one is missing and shall not be made.
    func walk(_ path: EntryPath, for entry: LayerEntry, makes: Bool) throws(ArchiveError) -> Int? {
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
            guard let node = try find(step, in: current, for: entry) else {
                guard makes else { return nil }
                try tally.addDirectories(1, steps: stack.count, unbrought: 1)
                stack.append(tree.addDirectory(step, in: current, .implied, isImplied: true))
                try UnpackLimits.check(depth: stack.count - 1, of: entry.displayName)
                continue
            }
            switch tree[node] {
            case .directory(let index):
                stack.append(index)
                try UnpackLimits.check(depth: stack.count - 1, of: entry.displayName)
            case .link(let index):
                passed += 1
                guard passed <= 40 else { throw entry.fault(.hostile, "it passes too many symbolic links") }
                let target = links.target(index)
                if target.first == UInt8(ascii: "/") { stack = [EntryTree.root] }
                steps += EntryPath.steps(of: target).reversed()
            case .whiteout where makes:
                // Deleted and made anew as a directory by the same layer: nothing below may shine through.
                try tally.addDirectories(1, steps: stack.count, unbrought: 1)
                let made = tree.addDirectory(step, in: current, replacing: node, .implied, isImplied: true)
                tree.change(made) { $0.isOpaque = true }
                stack.append(made)
            case .whiteout: return nil
            case .inode, .pending:
                let name = ArchiveError.quoted(String(decoding: step, as: UTF8.self))
                throw entry.fault(.unsupported, "a file is where \(name) must be a directory")
            }
        }
        return stack[stack.count - 1]
    }

    func find(
        _ name: ArraySlice<UInt8>, in directory: Int, for entry: LayerEntry
    ) throws(ArchiveError) -> Int? {
        guard name.count <= ErofsFormat.nameLimit else {
            throw entry.fault(.tooLarge, "a name in it has more than \(ErofsFormat.nameLimit) bytes")
        }
        return tree.find(name, in: directory)
    }

    func put(_ target: EntryTree.Target, _ name: ArraySlice<UInt8>, in parent: Int, _ there: Int?) {
        guard let there else {
            tree.add(name, in: parent, target)
            return
        }
        forgetWay(through: there)
        tree[there] = target
    }

    /// What was found through a name that is replaced must be found anew.
    func forgetWay(through node: Int) {
        switch tree[node] {
        case .directory, .link: (lastParent, near) = (nil, nil)
        default: break
        }
    }

    private func delete(_ name: ArraySlice<UInt8>, in path: EntryPath, for entry: LayerEntry) throws(ArchiveError) {
        let parent = try directory(path, for: entry)
        guard let there = try find(name, in: parent, for: entry) else {
            tree.add(name, in: parent, .whiteout)
            return
        }
        // The same layer brings the name too, and that wins; of a directory only the layer's own content stays.
        if case .directory(let index) = tree[there] { tree.change(index) { $0.isOpaque = true } }
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
