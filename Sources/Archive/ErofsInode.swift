// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The parts of the EROFS format that Skiff writes, without compression. All numbers are little endian. Source: the
/// kernel's fs/erofs/erofs_fs.h and Documentation/filesystems/erofs.rst.
///
///     block 0       1024 bytes of nothing, 128 bytes of superblock, and the inode of the root
///     other blocks  contents of files in whole blocks, and between them, in any order, blocks of inodes
///
/// An inode has a number, its place: byte 32 x number of the file. It takes 32 bytes (compact: the time is the one of the
/// superblock, ids have 16 bits) or 64 (extended); its attributes follow, then one of these:
///
///     plain    nothing: the content is in consecutive blocks
///     inline   the end of the content that is less than a block, in the same block as the inode; whole blocks before it
///     chunks   one address of 32 bits for each chunk of the content, 0xFFFFFFFF for a hole
///
/// The content of a directory is blocks of entries: 12 bytes for each (64 bits of number of the inode, 16 bits of where
/// the name begins, 8 bits of type), then the names. All names of a directory are in the order of their bytes.
enum ErofsFormat {
    static let blockSize = 4096
    /// Inodes are at multiples of this.
    static let slot = 32
    static let superblockOffset = 1024
    /// The root's number has only 16 bits, so it is at the beginning: behind the superblock.
    static let rootOffset = superblockOffset + 128
    static let entrySize = 12
    static let nameLimit = 255
    /// No chunk: a hole.
    static let hole = UInt32.max
    /// Block numbers have 32 bits.
    static let blockLimit = UInt64(UInt32.max)

    /// The types of directory entries.
    enum FileType: UInt8 {
        case regular = 1, directory, character, block, fifo, socket, symlink
    }

    /// How device numbers are kept: the lower 8 bits of the minor one around the 12 bits of the major one. Nil when they
    /// have more bits than fit.
    static func encode(_ device: DeviceNumber) -> UInt32? {
        guard device.major < 1 << 12, device.minor < 1 << 20 else { return nil }
        return device.minor & 0xFF | device.major << 8 | (device.minor & ~0xFF) << 12
    }
}

/// An inode that is in the file: its number, and whether it is compact.
struct ErofsReference: RawRepresentable, Hashable {
    let rawValue: UInt64

    init(rawValue: UInt64) { self.rawValue = rawValue }

    init(offset: Int64, isCompact: Bool) {
        rawValue = (UInt64(offset) / UInt64(ErofsFormat.slot)) << 1 | (isCompact ? 1 : 0)
    }

    var number: UInt64 { rawValue >> 1 }
    var offset: Int64 { Int64(number) * Int64(ErofsFormat.slot) }
    var isCompact: Bool { rawValue & 1 == 1 }
}

/// One inode.
struct ErofsInode {
    enum Layout: UInt16 {
        case plain = 0
        case inline = 2
        case chunks = 4
    }

    /// Type and permissions.
    var mode: UInt32
    var uid: UInt32
    var gid: UInt32
    var modified: Timestamp
    var links: UInt32 = 1
    var size: UInt64 = 0
    var layout = Layout.plain
    /// The first block, the device's number, or log2 of the blocks of a chunk.
    var payload: UInt32 = 0
    /// For programs that know only inode numbers of 32 bits.
    var serial: UInt32 = 0
    /// Encoded by `ErofsAttributes`.
    var attributes: [UInt8] = []
    var isCompact = false

    /// The inode of an entry. It is compact when that loses nothing; `base` is the time of the superblock.
    init(_ entry: LayerEntry, type: UInt32, base: Timestamp) {
        mode = type | entry.permissions
        uid = entry.uid
        gid = entry.gid
        modified = entry.modified
        isCompact = modified == base && uid <= UInt16.max && gid <= UInt16.max
    }

    /// The inode of what no entry brought.
    init(mode: UInt32, uid: UInt32, gid: UInt32, modified: Timestamp) {
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.modified = modified
    }

    /// The bytes of the inode without attributes.
    var fixedSize: Int { isCompact ? 32 : 64 }
    /// The bytes of the inode and its attributes.
    var headSize: Int { fixedSize + attributes.count }

    /// Writes inode and attributes to the beginning of the memory, which is zero.
    func store(in memory: UnsafeMutableRawBufferPointer) {
        func put(_ value: some FixedWidthInteger, _ offset: Int) {
            unsafe memory.storeBytes(of: value.littleEndian, toByteOffset: offset, as: type(of: value))
        }
        put(layout.rawValue << 1 | (isCompact ? 0 : 1), 0)
        // The header of 12 bytes counts as one, each 4 bytes more as another.
        put(attributes.isEmpty ? UInt16(0) : UInt16((attributes.count - 12) / 4 + 1), 2)
        put(UInt16(truncatingIfNeeded: mode), 4)
        put(payload, 16)
        put(serial, 20)
        if isCompact {
            put(UInt16(truncatingIfNeeded: links), 6)
            put(UInt32(truncatingIfNeeded: size), 8)
            put(UInt16(truncatingIfNeeded: uid), 24)
            put(UInt16(truncatingIfNeeded: gid), 26)
        } else {
            put(size, 8)
            put(uid, 24)
            put(gid, 28)
            put(modified.seconds, 32)
            put(UInt32(truncatingIfNeeded: modified.nanoseconds), 40)
            put(links, 44)
        }
        unsafe UnsafeMutableRawBufferPointer(rebasing: memory[fixedSize...]).copyBytes(from: attributes)
    }

    /// Where the number of links is, from the beginning of the inode, and how many bytes it has.
    static func linksField(isCompact: Bool) -> (offset: Int, size: Int) { isCompact ? (6, 2) : (44, 4) }
}
