// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux
internal import Linux

/// Writes one layer straight from its tar into one EROFS image, in overlay form; see `ErofsFormat` for what is where.
///
/// Contents and inodes of files go to the file as they come. Names, and the attributes of directories, stay in memory and
/// are written at the end, because an entry may change them until then. The same archive gives the same bytes.
@safe package final class ErofsLayer: LayerWriter {
    let file: ErofsFile
    private var tally: UnpackTally
    let identity: [UInt8]
    var tree = EntryTree()
    /// Symbolic links: their inodes, and where they lead.
    var links: [(inode: ErofsReference, target: [UInt8])] = []
    /// Files that the archive only links to, and where each is among them.
    var pending: [(path: EntryPath, link: LayerEntry)] = []
    private var pendingPlaces: [EntryPath: Int] = [:]
    /// Inodes that may have more names than one, and how many.
    var linkCounts: [ErofsReference: UInt32] = [:]
    var summary = LayerSummary()
    /// The time of compact inodes: that of the first entry, because many images have one time for all.
    private(set) var base: Timestamp?
    var hasChunks = false
    private var serial: UInt32 = 1
    /// The directory that was found last.
    private var lastParent: (path: EntryPath, directory: Int)?
    private let tail = UnsafeMutableRawBufferPointer.allocate(byteCount: ErofsFormat.blockSize, alignment: 8)

    /// Makes the file, which must not be there. `identity` is 16 bytes that differ from those of every other layer.
    package init(at path: String, identity: [UInt8], limits: UnpackLimits = UnpackLimits()) throws(ArchiveError) {
        do throws(Errno) {
            file = ErofsFile(SharedFD(try Syscall.open(path, [.readWrite, .create, .exclusive], mode: 0o600)))
        } catch {
            throw ArchiveError(writing: path, error)
        }
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

    private func make(_ entry: LayerEntry, at path: EntryPath, from reader: LayerReader) throws {
        if path.isRoot {
            guard entry.kind == .directory else {
                throw ArchiveError(.hostile, "unpack entry", entry.displayName, "it replaces the root of the layer")
            }
            return try describe(EntryTree.root, by: entry)
        }
        let parent = try directory(path.parent, for: entry)
        let there = try find(path.last, in: parent, for: entry)
        switch entry.kind {
        case .directory: try makeDirectory(entry, path.last, in: parent, there)
        case .hardLink(let target): try makeHardLink(entry, to: target, path.last, in: parent, there)
        case .file(let size):
            try tally.add(size, of: entry)
            let inode = try write(entry, size: size, from: reader)
            put(.inode(inode, .regular), path.last, in: parent, there)
        case .symlink(let target):
            put(.link(try makeLink(entry, target)), path.last, in: parent, there)
        case .characterDevice, .blockDevice, .fifo:
            let (inode, type) = try writeNode(entry)
            put(.inode(inode, type), path.last, in: parent, there)
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
    private func walk(_ path: EntryPath, for entry: LayerEntry, makes: Bool) throws(ArchiveError) -> Int? {
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
                continue
            }
            switch tree[node] {
            case .directory(let index): stack.append(index)
            case .link(let index):
                passed += 1
                guard passed <= 40 else { throw entry.fault(.hostile, "it passes too many symbolic links") }
                let target = links[index].target
                if target.first == UInt8(ascii: "/") { stack = [EntryTree.root] }
                steps += EntryPath.steps(of: target).reversed()
            case .whiteout where makes:
                // Deleted and made anew as a directory by the same layer: nothing below may shine through.
                try tally.addDirectories(1, steps: stack.count, unbrought: 1)
                tree.remove(node)
                let made = tree.addDirectory(step, in: current, .implied, isImplied: true)
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

    private func find(
        _ name: ArraySlice<UInt8>, in directory: Int, for entry: LayerEntry
    ) throws(ArchiveError) -> Int? {
        guard name.count <= ErofsFormat.nameLimit else {
            throw entry.fault(.tooLarge, "a name in it has more than \(ErofsFormat.nameLimit) bytes")
        }
        return tree.find(name, in: directory)
    }

    private func put(_ target: EntryTree.Target, _ name: ArraySlice<UInt8>, in parent: Int, _ there: Int?) {
        if let there { remove(there) }
        tree.add(name, in: parent, target)
    }

    private func remove(_ node: Int) {
        switch tree[node] {
        // What was found through it must be found anew.
        case .directory, .link: lastParent = nil
        default: break
        }
        tree.remove(node)
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

    private func makeDirectory(
        _ entry: LayerEntry, _ name: ArraySlice<UInt8>, in parent: Int, _ there: Int?
    ) throws(ArchiveError) {
        if let there, case .directory(let index) = tree[there] { return try describe(index, by: entry) }
        let hides = there.map { tree[$0] == .whiteout } ?? false
        if let there { remove(there) }
        try tally.addDirectories(1, steps: 1, unbrought: 0)
        let index = tree.addDirectory(name, in: parent, .implied, isImplied: false)
        try describe(index, by: entry)
        // Deleted and made anew: see above.
        if hides { tree.change(index) { $0.isOpaque = true } }
    }

    private func describe(_ directory: Int, by entry: LayerEntry) throws(ArchiveError) {
        let attributes = entry.attributes.filter { !Whiteout.isReserved(attribute: $0.name) }
        try tally.add(attributes)
        tree.change(directory) {
            $0.attributes = DirectoryAttributes(
                permissions: entry.permissions, uid: entry.uid, gid: entry.gid, modified: entry.modified,
                attributes: attributes)
            $0.isImplied = false
        }
    }

    private func makeHardLink(
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
        case .link(let index): linkCounts[links[index].inode] = 0
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
