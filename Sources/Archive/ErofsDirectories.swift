// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux
internal import Linux

/// All directories of a layer on their way to the file: first every one gets its place, then they are written, because
/// each has the numbers of its parent and of its children.
///
/// Contents are made block by block: one directory may have all names of a layer, which are in memory once already.
struct ErofsDirectories {
    private struct Plan {
        let directory: Int
        /// The nodes of its names, `.` and `..` among them, in the order of the bytes; without deletions that say nothing.
        let entries: [UInt32]
        var offset: Int64 = 0
        var inode: ErofsInode
        /// How many entries are in each block of the content but the last. Most directories have no other.
        var full: [Int] = []
        var tailSize = 0

        var isInline: Bool { inode.layout == .inline }
        /// The entries of the last block.
        var last: ArraySlice<UInt32> { entries.dropFirst(full.reduce(0, +)) }
    }

    /// In place of a node: the directory itself, and the one above.
    private static let (itself, above) = (UInt32.max, UInt32.max - 1)

    private let tree: EntryTree
    /// The inodes of pending files and symbolic links.
    private let copied: [(inode: ErofsReference, type: ErofsFormat.FileType)]
    private let links: [ErofsReference]
    private var plans: [Plan] = []
    /// Where each directory's plan is; what is not there any more has none.
    private var positions: [UInt32]
    /// The number of deletions.
    private(set) var whiteouts: UInt32 = 0
    /// The inode of all deletions.
    var whiteout: ErofsReference?
    /// The number of names of everything else but directories.
    private var names: UInt64 = 0
    /// How many names those inodes have that may have more than one.
    private(set) var linkCounts: [ErofsReference: UInt32] = [:]

    private static let blockSize = ErofsFormat.blockSize

    /// Everything that is still there. `linked` are inodes that may have more names than one.
    init(
        _ tree: EntryTree, _ copied: [(inode: ErofsReference, type: ErofsFormat.FileType)], _ links: [ErofsReference],
        linked: Set<ErofsReference>
    ) {
        self.tree = tree
        self.copied = copied
        self.links = links
        positions = Array(repeating: .max, count: tree.directories.count)
        var pending = [EntryTree.root]
        while let directory = pending.popLast() {
            let isOpaque = tree.directories[directory].isOpaque
            var children = tree.children(of: directory)
            // overlayfs merges nothing in an opaque directory, so it would show them.
            if isOpaque { children.removeAll { tree[Int($0)] == .whiteout } }
            var subdirectories: UInt32 = 0
            for child in children {
                switch tree[Int(child)] {
                case .directory(let index):
                    pending.append(index)
                    subdirectories += 1
                case .whiteout: whiteouts += 1
                default: names += 1
                }
            }
            let attributes = tree.directories[directory].attributes
            var inode = ErofsInode(
                mode: CLX_S_IFDIR | attributes.permissions, uid: attributes.uid, gid: attributes.gid,
                modified: attributes.modified)
            inode.links = 2 + subdirectories
            positions[directory] = UInt32(plans.count)
            insertDots(&children)
            plans.append(Plan(directory: directory, entries: children, inode: inode))
        }
        linkCounts = count(linked)
    }

    private func insertDots(_ children: inout [UInt32]) {
        for entry in [Self.itself, Self.above] {
            let place = children.firstIndex { name(entry).lexicographicallyPrecedes(name($0)) }
            children.insert(entry, at: place ?? children.count)
        }
    }

    /// The number of different inodes.
    var inodes: UInt64 {
        let again = linkCounts.values.reduce(0) { $0 + UInt64($1) - 1 }
        return UInt64(plans.count) + names - again + (whiteouts > 0 ? 1 : 0)
    }

    /// How many names each of the inodes has, those that have none left out.
    private func count(_ inodes: Set<ErofsReference>) -> [ErofsReference: UInt32] {
        var counts: [ErofsReference: UInt32] = [:]
        guard !inodes.isEmpty || !copied.isEmpty else { return counts }
        let wanted = inodes.union(copied.map(\.inode))
        for plan in plans {
            for entry in plan.entries where entry < Self.above {
                guard let inode = target(Int(entry)).inode, wanted.contains(inode) else { continue }
                counts[inode, default: 0] += 1
            }
        }
        return counts
    }

    private func target(_ node: Int) -> (inode: ErofsReference?, type: ErofsFormat.FileType) {
        switch tree[node] {
        case .directory: (nil, .directory)
        case .link(let index): (links[index], .symlink)
        case .inode(let inode, let type): (inode, type)
        case .pending(let index): (copied[index].inode, copied[index].type)
        case .whiteout: (whiteout, .character)
        }
    }

    // MARK: Places

    /// Gives every directory its place: inodes one behind the other, then the blocks of those that are large.
    mutating func place(in file: ErofsFile, serial: () -> UInt32, skipped: inout Int) throws(Errno) {
        for index in plans.indices {
            let source = tree.directories[plans[index].directory]
            plans[index].inode.attributes = Self.encode(source, &skipped)
            plans[index].inode.serial = serial()
            divide(index)
        }
        // Checked when the root was described; what overlayfs needs has room too.
        guard plans[0].inode.headSize + ErofsFormat.rootOffset <= Self.blockSize else { throw .E2BIG }
        let first = Int64(file.blocks) * Int64(Self.blockSize)
        var end = first
        for index in plans.indices {
            let isRoot = index == 0
            let used = isRoot ? ErofsFormat.rootOffset : Int(end % Int64(Self.blockSize))
            let head = plans[index].inode.headSize
            let tail = plans[index].tailSize
            let isInline = tail > 0 && head + tail <= Self.blockSize - (isRoot ? used : 0)
            plans[index].inode.layout = isInline ? .inline : .plain
            if isRoot {
                plans[index].offset = Int64(ErofsFormat.rootOffset)
                continue
            }
            let size = head + (isInline ? tail : 0)
            if used + size > Self.blockSize { end += Int64(Self.blockSize - used) }
            plans[index].offset = end
            end += Int64((size + ErofsFormat.slot - 1) / ErofsFormat.slot * ErofsFormat.slot)
        }
        _ = try file.reserve(UInt64((end - first + Int64(Self.blockSize) - 1) / Int64(Self.blockSize)))
        for index in plans.indices {
            let isInline = plans[index].isInline
            let count = plans[index].full.count + (isInline ? 0 : 1)
            if count > 0 { plans[index].inode.payload = UInt32(try file.reserve(UInt64(count))) }
        }
    }

    private static func encode(_ directory: EntryTree.Directory, _ skipped: inout Int) -> [UInt8] {
        var attributes = directory.attributes.attributes
        if directory.isOpaque {
            attributes.append(
                LayerEntry.Attribute(name: Array("trusted.overlay.opaque".utf8), value: Array("y".utf8)))
        }
        return ErofsAttributes.encode(attributes, skipped: &skipped)
    }

    /// Decides which names go into which block.
    private mutating func divide(_ index: Int) {
        var used = 0
        var count = 0
        for entry in plans[index].entries {
            let size = ErofsFormat.entrySize + name(entry).count
            if used + size > Self.blockSize {
                plans[index].full.append(count)
                (used, count) = (0, 0)
            }
            used += size
            count += 1
        }
        plans[index].tailSize = used
        plans[index].inode.size = UInt64(plans[index].full.count * Self.blockSize + used)
    }

    // MARK: Content

    private static let dot: ArraySlice<UInt8> = [UInt8(ascii: ".")]
    private static let dotDot: ArraySlice<UInt8> = [UInt8(ascii: "."), UInt8(ascii: ".")]

    private func name(_ entry: UInt32) -> ArraySlice<UInt8> {
        entry == Self.itself ? Self.dot : entry == Self.above ? Self.dotDot : tree.name(Int(entry))
    }

    private func number(_ entry: UInt32, in directory: Int) -> (number: UInt64, type: ErofsFormat.FileType) {
        func number(of directory: Int) -> UInt64 {
            // Every directory that is reached from the root has a plan.
            UInt64(plans[Int(positions[directory])].offset) / UInt64(ErofsFormat.slot)
        }
        if entry == Self.itself { return (number(of: directory), .directory) }
        if entry == Self.above { return (number(of: tree.directories[directory].parent), .directory) }
        if case .directory(let child) = tree[Int(entry)] { return (number(of: child), .directory) }
        let (inode, type) = target(Int(entry))
        return (inode?.number ?? 0, type)
    }

    /// A block of a directory's content; only the last one may be shorter than a block.
    private func block(_ entries: ArraySlice<UInt32>, of directory: Int, size: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size)
        var place = entries.count * ErofsFormat.entrySize
        for entry in entries {
            let (number, type) = number(entry, in: directory)
            for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * UInt64(shift)))) }
            bytes += [UInt8(truncatingIfNeeded: place), UInt8(truncatingIfNeeded: place >> 8), type.rawValue, 0]
            place += name(entry).count
        }
        for entry in entries { bytes += name(entry) }
        while bytes.count < size { bytes.append(0) }
        return bytes
    }

    /// Writes all of them; the root goes into the first block, which the caller writes.
    func write(to file: ErofsFile, firstBlock: UnsafeMutableRawBufferPointer) throws(Errno) {
        for index in plans.indices {
            let plan = plans[index]
            let tail = plan.isInline ? block(plan.last, of: plan.directory, size: plan.tailSize) : []
            let size = plan.inode.headSize + tail.count
            if index == 0 {
                let memory = unsafe UnsafeMutableRawBufferPointer(rebasing: firstBlock[ErofsFormat.rootOffset...])
                unsafe store(plan.inode, tail, in: memory)
                continue
            }
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
            defer { unsafe memory.deallocate() }
            unsafe memory.initializeMemory(as: UInt8.self, repeating: 0)
            unsafe store(plan.inode, tail, in: memory)
            unsafe try file.append(UnsafeRawBufferPointer(memory), at: plan.offset)
        }
        for plan in plans {
            try writeBlocks(plan, to: file)
            file.endContents()
        }
    }

    /// Writes what is not beside the inode.
    private func writeBlocks(_ plan: Plan, to file: ErofsFile) throws(Errno) {
        var rest = plan.entries[...]
        var offset = Int64(plan.inode.payload) * Int64(Self.blockSize)
        for count in plan.full {
            try file.append(block(rest.prefix(count), of: plan.directory, size: Self.blockSize), at: offset)
            rest = rest.dropFirst(count)
            offset += Int64(Self.blockSize)
        }
        if !plan.isInline { try file.append(block(rest, of: plan.directory, size: plan.tailSize), at: offset) }
    }

    private func store(_ inode: ErofsInode, _ tail: [UInt8], in memory: UnsafeMutableRawBufferPointer) {
        unsafe inode.store(in: memory)
        unsafe UnsafeMutableRawBufferPointer(rebasing: memory[inode.headSize...]).copyBytes(from: tail)
    }
}
