// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux
internal import Linux

/// Writes directories, and what can be known only at the end.
extension ErofsLayer {
    /// Ends the layer; see `LayerWriter`.
    package func finish(above below: LowerTree?) throws -> LayerSummary {
        summary.impliedDirectories = try adopt(below)
        summary.bringsRoot = try !tree.directory(EntryTree.root).isImplied
        try copyWaiting(from: below)
        try tree.markReached()
        do {
            try writeEnd()
        } catch let error as Errno {
            throw ArchiveError(writing: "", error)
        }
        summary.bytes = file.blocks * UInt64(ErofsFormat.blockSize)
        summary.inodes = 1
        forgetNames()
        return summary
    }

    private func writeEnd() throws {
        var directories = try ErofsDirectories(&tree, links, waiting)
        try placeWhiteout(&directories)
        try file.flush()
        try patchLinkCounts()
        try directories.place(in: file, skipped: &summary.skippedAttributes)
        let root = UnsafeMutableRawBufferPointer.allocate(byteCount: ErofsFormat.blockSize, alignment: 8)
        defer { unsafe root.deallocate() }
        unsafe root.initializeMemory(as: UInt8.self, repeating: 0)
        unsafe try directories.write(to: file, firstBlock: root, serial: nextSerial)
        let superblock = ErofsSuperblock(
            time: base ?? DirectoryAttributes.implied.modified, inodes: directories.inodes,
            blocks: UInt32(file.blocks), hasChunks: hasChunks, identity: identity)
        unsafe superblock.store(in: root)
        unsafe try file.write(UnsafeRawBufferPointer(root), at: 0)
        summary.checksum = try file.finish()
    }

    /// One inode for all deletions, as overlayfs itself makes them.
    private func placeWhiteout(_ plan: inout ErofsDirectories) throws(Errno) {
        guard plan.whiteouts > 0 else { return }
        var inode = ErofsInode(mode: CLX_S_IFCHR, uid: 0, gid: 0, modified: DirectoryAttributes.implied.modified)
        inode.serial = nextSerial()
        inode.links = plan.whiteouts
        plan.whiteout = unsafe try place(inode, UnsafeRawBufferPointer(start: nil, count: 0))
    }

    private func patchLinkCounts() throws {
        try tree.visit(.links) { number, count in
            // An inode without a name is not looked at.
            guard count > 1 else { return }
            let inode = ErofsReference(rawValue: number)
            let field = ErofsInode.linksField(isCompact: inode.isCompact)
            // No file system takes so many; ext4 takes 65000.
            guard field.size == 4 || count <= UInt16.max else { throw Errno.E2BIG }
            let bytes = (0..<field.size).map { UInt8(truncatingIfNeeded: count >> (8 * UInt64($0))) }
            try file.patch(bytes, at: inode.offset + Int64(field.offset))
        }
    }
}
