// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux
internal import Linux

/// All directories of a layer on their way to the file: first every one gets its place, then they are written, because
/// each has the numbers of its parent and of its children.
struct ErofsDirectories {
    private struct Plan {
        let directory: Int
        /// Sorted; without deletions that say nothing.
        let children: [UInt32]
        var offset: Int64 = 0
        var inode: ErofsInode
        /// The first of the blocks of the content, and how many entries are in each block of it, the last one included.
        var blocks: [Int] = []
        var tailSize = 0
    }

    private let tree: EntryTree
    /// The inodes of pending files and symbolic links.
    private let copied: [(inode: ErofsReference, type: ErofsFormat.FileType)]
    private let links: [ErofsReference]
    private var plans: [Plan] = []
    /// Where each directory's plan is.
    private var positions: [Int: Int] = [:]
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
            positions[directory] = plans.count
            plans.append(Plan(directory: directory, children: children, inode: inode))
        }
        linkCounts = count(linked)
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
            for child in plan.children {
                guard let inode = target(Int(child)).inode, wanted.contains(inode) else { continue }
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
            let isInline = plans[index].inode.layout == .inline
            let count = plans[index].blocks.count - (isInline ? 1 : 0)
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
        for name in names(of: index) {
            let size = ErofsFormat.entrySize + name.count
            if used + size > Self.blockSize {
                plans[index].blocks.append(count)
                (used, count) = (0, 0)
            }
            used += size
            count += 1
        }
        plans[index].blocks.append(count)
        plans[index].tailSize = used
        plans[index].inode.size = UInt64((plans[index].blocks.count - 1) * Self.blockSize + used)
    }

    // MARK: Content

    private static let dot: ArraySlice<UInt8> = [UInt8(ascii: ".")]
    private static let dotDot: ArraySlice<UInt8> = [UInt8(ascii: "."), UInt8(ascii: ".")]

    /// All names in their order, `.` and `..` among them.
    private func names(of index: Int) -> [ArraySlice<UInt8>] { entries(of: index).map { name($0, index) } }

    /// The nodes in their order; -1 is the directory itself, -2 the one above.
    private func entries(of index: Int) -> [Int] {
        let children = plans[index].children.map { Int($0) }
        let first = children.firstIndex { Self.dot.lexicographicallyPrecedes(tree.name($0)) } ?? children.count
        let second = children.firstIndex { Self.dotDot.lexicographicallyPrecedes(tree.name($0)) } ?? children.count
        return children[..<first] + [-1] + children[first..<second] + [-2] + children[second...]
    }

    private func name(_ entry: Int, _ index: Int) -> ArraySlice<UInt8> {
        entry == -1 ? Self.dot : entry == -2 ? Self.dotDot : tree.name(entry)
    }

    private func number(_ entry: Int, _ index: Int) -> (number: UInt64, type: ErofsFormat.FileType) {
        func number(of directory: Int) -> UInt64 {
            // Every directory that is reached from the root has a plan.
            UInt64(positions[directory].map { plans[$0].offset } ?? 0) / UInt64(ErofsFormat.slot)
        }
        let directory = plans[index].directory
        if entry == -1 { return (number(of: directory), .directory) }
        if entry == -2 { return (number(of: tree.directories[directory].parent), .directory) }
        if case .directory(let child) = tree[entry] { return (number(of: child), .directory) }
        let (inode, type) = target(entry)
        return (inode?.number ?? 0, type)
    }

    /// The blocks of a directory's content; only the last one may be shorter than a block.
    private func content(of index: Int) -> [[UInt8]] {
        var rest = entries(of: index)[...]
        return plans[index].blocks.enumerated().map { number, count in
            defer { rest = rest.dropFirst(count) }
            let isLast = number == plans[index].blocks.count - 1
            return block(Array(rest.prefix(count)), index, size: isLast ? plans[index].tailSize : Self.blockSize)
        }
    }

    private func block(_ entries: [Int], _ index: Int, size: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size)
        var place = entries.count * ErofsFormat.entrySize
        for entry in entries {
            let (number, type) = number(entry, index)
            for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * UInt64(shift)))) }
            bytes += [UInt8(truncatingIfNeeded: place), UInt8(truncatingIfNeeded: place >> 8), type.rawValue, 0]
            place += name(entry, index).count
        }
        for entry in entries { bytes += name(entry, index) }
        while bytes.count < size { bytes.append(0) }
        return bytes
    }

    /// Writes all of them; the root goes into the first block, which the caller writes.
    func write(to file: ErofsFile, firstBlock: UnsafeMutableRawBufferPointer) throws(Errno) {
        for index in plans.indices {
            let plan = plans[index]
            let tail = plan.inode.layout == .inline ? content(of: index).last ?? [] : []
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
        for index in plans.indices {
            let isInline = plans[index].inode.layout == .inline
            for (number, bytes) in content(of: index).dropLast(isInline ? 1 : 0).enumerated() {
                let offset = (Int64(plans[index].inode.payload) + Int64(number)) * Int64(Self.blockSize)
                try file.append(bytes, at: offset)
            }
            file.endContents()
        }
    }

    private func store(_ inode: ErofsInode, _ tail: [UInt8], in memory: UnsafeMutableRawBufferPointer) {
        unsafe inode.store(in: memory)
        unsafe UnsafeMutableRawBufferPointer(rebasing: memory[inode.headSize...]).copyBytes(from: tail)
    }
}
