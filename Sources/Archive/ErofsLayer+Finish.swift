// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux
internal import Linux

/// Writes directories, and what can be known only at the end.
extension ErofsLayer {
    /// Ends the layer; see `LayerWriter`.
    package func finish(above below: LowerTree?) throws -> LayerSummary {
        summary.impliedDirectories = try adopt(below)
        summary.bringsRoot = !tree.directories[EntryTree.root].isImplied
        let copied = try pending.map { try copy($0.path, for: $0.link, from: below) }
        do throws(Errno) {
            var plan = ErofsDirectories(tree, copied, links.inodes, linked: Set(linkCounts.keys))
            try placeWhiteout(&plan)
            try file.flush()
            try patchLinkCounts(plan)
            try plan.place(in: file, serial: nextSerial, skipped: &summary.skippedAttributes)
            let root = UnsafeMutableRawBufferPointer.allocate(byteCount: ErofsFormat.blockSize, alignment: 8)
            defer { unsafe root.deallocate() }
            unsafe root.initializeMemory(as: UInt8.self, repeating: 0)
            unsafe try plan.write(to: file, firstBlock: root)
            let superblock = ErofsSuperblock(
                time: base ?? DirectoryAttributes.implied.modified, inodes: plan.inodes, blocks: UInt32(file.blocks),
                hasChunks: hasChunks, identity: identity)
            unsafe superblock.store(in: root)
            unsafe try file.write(UnsafeRawBufferPointer(root), at: 0)
            summary.checksum = try file.finish()
        } catch {
            throw ArchiveError(writing: "", error)
        }
        summary.bytes = file.blocks * UInt64(ErofsFormat.blockSize)
        summary.inodes = 1
        return summary
    }

    /// One inode for all deletions, as overlayfs itself makes them.
    private func placeWhiteout(_ plan: inout ErofsDirectories) throws(Errno) {
        guard plan.whiteouts > 0 else { return }
        var inode = ErofsInode(mode: CLX_S_IFCHR, uid: 0, gid: 0, modified: DirectoryAttributes.implied.modified)
        inode.serial = nextSerial()
        inode.links = plan.whiteouts
        plan.whiteout = unsafe try place(inode, UnsafeRawBufferPointer(start: nil, count: 0))
    }

    private func patchLinkCounts(_ plan: ErofsDirectories) throws(Errno) {
        for (inode, count) in plan.linkCounts where count != 1 {
            let field = ErofsInode.linksField(isCompact: inode.isCompact)
            // No file system takes so many; ext4 takes 65000.
            guard field.size == 4 || count <= UInt16.max else { throw .E2BIG }
            let bytes = (0..<field.size).map { UInt8(truncatingIfNeeded: count >> (8 * UInt32($0))) }
            try file.patch(bytes, at: inode.offset + Int64(field.offset))
        }
    }
}
