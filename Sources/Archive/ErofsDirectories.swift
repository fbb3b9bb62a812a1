// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux
internal import Linux

/// All directories of a layer on their way to the file: first every one is measured and gets its place, then they are
/// written, because each has the numbers of its parent and of its children.
///
/// Each time names come in their order from the tree, so nothing of a directory is kept but its record there.
struct ErofsDirectories {
    private var tree: EntryTree
    private let links: ErofsLinks
    private let waiting: WaitingLinks
    /// The number of deletions.
    private(set) var whiteouts: UInt32 = 0
    /// The inode of all deletions.
    var whiteout: ErofsReference?
    /// The number of directories, and of names of everything else but deletions.
    private var directories: UInt64 = 0
    private var names: UInt64 = 0
    /// How many of these are further names.
    private var again: UInt64 = 0

    private static let blockSize = ErofsFormat.blockSize

    /// Measures everything that can be reached, and counts the names of the inodes that may have several.
    init(_ tree: inout EntryTree, _ links: ErofsLinks, _ waiting: WaitingLinks) throws(ArchiveError) {
        self.tree = tree
        self.links = links
        self.waiting = waiting
        for directory in 0..<tree.directoryCount {
            let record = try tree.directory(directory)
            guard record.reach == .reached else { continue }
            directories += 1
            try measure(directory, record, &tree)
        }
        self.tree = tree
    }

    /// The number of different inodes.
    var inodes: UInt64 { directories + names - again + (whiteouts > 0 ? 1 : 0) }

    private mutating func measure(
        _ directory: Int, _ record: DirectoryRecord, _ tree: inout EntryTree
    ) throws(ArchiveError) {
        var size = ErofsBlockSize()
        var subdirectories: UInt32 = 0
        var tail: ErofsEntries.Mark?
        var entries = try ErofsEntries(of: directory, record, in: tree)
        while let entry = try entries.next(in: tree) {
            if size.add(entry.length) { tail = entries.mark(of: entry) }
            guard case .child(let child) = entry else { continue }
            switch child.target {
            case .directory: subdirectories += 1
            case .whiteout: whiteouts += 1
            case .inode, .link, .pending:
                names += 1
                try count(child, &tree)
            }
        }
        try tree.change(directory) {
            ($0.subdirectories, $0.tail) = (subdirectories, tail)
            ($0.fullBlocks, $0.tailSize) = (size.full, UInt16(truncatingIfNeeded: size.used))
        }
    }

    private mutating func count(_ child: EntryTree.Child, _ tree: inout EntryTree) throws(ArchiveError) {
        let inode: ErofsReference
        switch child.target {
        case .pending(let place): inode = try waiting.copy(at: place).inode
        case .link(let place) where child.isShared: inode = try links.inode(place)
        case .inode(let known, _) where child.isShared: inode = known
        default: return
        }
        let count = try tree.note(.links, inode.rawValue) ?? 0
        if count > 0 { again += 1 }
        try tree.setNote(.links, inode.rawValue, count + 1)
    }

    // MARK: Places

    /// Calls the body with all directories that can be reached, the root first.
    private func visitReached(_ body: (_ directory: Int, _ record: DirectoryRecord) throws -> Void) throws {
        for directory in 0..<tree.directoryCount {
            let record = try tree.directory(directory)
            if record.reach == .reached { try body(directory, record) }
        }
    }

    private static func headSize(_ record: DirectoryRecord) -> Int {
        let mark = !record.isOpaque ? 0 : record.attributesSize == 0 ? opaqueMark.count : opaqueMark.count - 12
        return 64 + Int(record.attributesSize) + mark
    }

    /// Gives every directory its place: inodes one behind the other, then the blocks of those that are large.
    func place(in file: ErofsFile, skipped: inout Int) throws {
        let first = Int64(file.blocks) * Int64(Self.blockSize)
        var (end, ignored) = (first, 0)
        try visitReached { directory, record in
            ignored += Int(record.skippedAttributes)
            let isRoot = directory == EntryTree.root
            let used = isRoot ? ErofsFormat.rootOffset : Int(end % Int64(Self.blockSize))
            let (head, tail) = (Self.headSize(record), Int(record.tailSize))
            // Checked when the root was described; what overlayfs needs has room too.
            guard !isRoot || head + used <= Self.blockSize else { throw Errno.E2BIG }
            let isInline = tail > 0 && head + tail <= Self.blockSize - (isRoot ? used : 0)
            let size = head + (isInline ? tail : 0)
            if !isRoot, used + size > Self.blockSize { end += Int64(Self.blockSize - used) }
            let offset = isRoot ? Int64(ErofsFormat.rootOffset) : end
            if !isRoot { end += Int64((size + ErofsFormat.slot - 1) / ErofsFormat.slot * ErofsFormat.slot) }
            try tree.change(directory) { ($0.isInline, $0.offset) = (isInline, offset) }
        }
        skipped += ignored
        _ = try file.reserve(UInt64((end - first + Int64(Self.blockSize) - 1) / Int64(Self.blockSize)))
        try visitReached { directory, record in
            let count = UInt64(record.fullBlocks) + (record.isInline ? 0 : 1)
            guard count > 0 else { return }
            let block = UInt32(try file.reserve(count))
            try tree.change(directory) { $0.firstBlock = block }
        }
    }

    // MARK: Content

    /// The mark of an opaque directory, encoded as its only attribute.
    private static let opaqueMark: [UInt8] = {
        var skipped = 0
        let mark = LayerEntry.Attribute(name: Array("trusted.overlay.opaque".utf8), value: Array("y".utf8))
        return ErofsAttributes.encode([mark], skipped: &skipped)
    }()

    private func inode(_ record: DirectoryRecord, serial: UInt32) throws(ArchiveError) -> ErofsInode {
        var inode = ErofsInode(
            mode: CLX_S_IFDIR | UInt32(record.permissions), uid: record.uid, gid: record.gid,
            modified: record.modified)
        inode.links = 2 + record.subdirectories
        inode.size = UInt64(record.fullBlocks) * UInt64(Self.blockSize) + UInt64(record.tailSize)
        inode.layout = record.isInline ? .inline : .plain
        inode.payload = record.firstBlock
        inode.serial = serial
        inode.attributes = try tree.attributes(of: record)
        if record.isOpaque {
            inode.attributes += inode.attributes.isEmpty ? Self.opaqueMark : Array(Self.opaqueMark.dropFirst(12))
        }
        return inode
    }

    private func number(of directory: Int) throws(ArchiveError) -> UInt64 {
        UInt64(try tree.directory(directory).offset) / UInt64(ErofsFormat.slot)
    }

    private func number(
        _ entry: ErofsEntries.Entry, in directory: Int, _ record: DirectoryRecord
    ) throws(ArchiveError) -> (number: UInt64, type: ErofsFormat.FileType) {
        let child: EntryTree.Child
        switch entry {
        case .itself: return (try number(of: directory), .directory)
        case .above: return (try number(of: Int(record.parent)), .directory)
        case .child(let named): child = named
        }
        switch child.target {
        case .directory(let inner): return (try number(of: inner), .directory)
        case .link(let place): return (try links.inode(place).number, .symlink)
        case .inode(let inode, let type): return (inode.number, type)
        case .pending(let place):
            let copy = try waiting.copy(at: place)
            return (copy.inode.number, copy.type)
        case .whiteout: return (whiteout?.number ?? 0, .character)
        }
    }

    /// Makes the content of a directory, from a mark on or all of it; the body gets each full block. Returns the rest.
    private func content(
        of directory: Int, _ record: DirectoryRecord, from mark: ErofsEntries.Mark? = nil,
        _ full: ([UInt8]) throws -> Void = { _ in }
    ) throws -> [UInt8] {
        var (block, size) = (ErofsBlock(), ErofsBlockSize())
        var entries = try ErofsEntries(of: directory, record, in: tree, from: mark)
        while let entry = try entries.next(in: tree) {
            if size.add(entry.length) { try full(block.take(size: Self.blockSize)) }
            let (number, type) = try number(entry, in: directory, record)
            block.add(number, type, nameSize: entry.length)
            switch entry {
            case .itself, .above: block.names += [UInt8](repeating: UInt8(ascii: "."), count: entry.length)
            case .child(let child): try tree.append(nameOf: child, to: &block.names)
            }
        }
        return block.take(size: size.used)
    }

    /// Writes all of them; the root goes into the first block, which the caller writes.
    func write(
        to file: ErofsFile, firstBlock: UnsafeMutableRawBufferPointer, serial: () -> UInt32
    ) throws {
        try visitReached { directory, record in
            var tail: [UInt8] = []
            if record.isInline { tail = try content(of: directory, record, from: record.tail) }
            let inode = try inode(record, serial: serial())
            if directory == EntryTree.root {
                let memory = unsafe UnsafeMutableRawBufferPointer(rebasing: firstBlock[ErofsFormat.rootOffset...])
                return unsafe store(inode, tail, in: memory)
            }
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: inode.headSize + tail.count, alignment: 8)
            defer { unsafe memory.deallocate() }
            unsafe memory.initializeMemory(as: UInt8.self, repeating: 0)
            unsafe store(inode, tail, in: memory)
            unsafe try file.append(UnsafeRawBufferPointer(memory), at: record.offset)
        }
        try visitReached { directory, record in
            guard record.fullBlocks > 0 || !record.isInline else { return }
            var offset = Int64(record.firstBlock) * Int64(Self.blockSize)
            let rest = try content(of: directory, record) { block in
                try file.append(block, at: offset)
                offset += Int64(Self.blockSize)
            }
            if !record.isInline { try file.append(rest, at: offset) }
            file.endContents()
        }
    }

    private func store(_ inode: ErofsInode, _ tail: [UInt8], in memory: UnsafeMutableRawBufferPointer) {
        unsafe inode.store(in: memory)
        unsafe UnsafeMutableRawBufferPointer(rebasing: memory[inode.headSize...]).copyBytes(from: tail)
    }
}
