// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

/// The attributes of a file. See stat(2).
package struct FileStatus: Hashable, Sendable {
    package enum Kind: Sendable { case regular, directory, symlink, character, block, fifo, socket, unknown }

    package var device: UInt64
    package var inode: UInt64
    /// Bytes.
    package var size: UInt64
    /// Units of 512 bytes.
    package var blocks: UInt64
    /// Type and permission bits together, as in `st_mode`.
    package var mode: UInt32
    package var links: UInt32
    package var uid: UInt32
    package var gid: UInt32
    /// Of a device node: its major and minor number.
    package var deviceNumber: DeviceNumber
    package var modified: Timestamp
    package var changed: Timestamp

    package var permissions: UInt32 { mode & 0o7777 }
    package var isDirectory: Bool { kind == .directory }
    package var isNullDevice: Bool { kind == .character && deviceNumber == .null }
    package var isSymlink: Bool { kind == .symlink }

    package var kind: Kind {
        switch mode & CLX_S_IFMT {
        case CLX_S_IFREG: .regular
        case CLX_S_IFDIR: .directory
        case CLX_S_IFLNK: .symlink
        case CLX_S_IFCHR: .character
        case CLX_S_IFBLK: .block
        case CLX_S_IFIFO: .fifo
        case CLX_S_IFSOCK: .socket
        default: .unknown
        }
    }

    init(_ raw: clx_stat) {
        device = raw.dev
        inode = raw.ino
        size = raw.size
        blocks = raw.blocks
        mode = raw.mode
        links = raw.nlink
        uid = raw.uid
        gid = raw.gid
        deviceNumber = DeviceNumber(major: raw.rdev_major, minor: raw.rdev_minor)
        modified = Timestamp(seconds: raw.mtime_sec, nanoseconds: raw.mtime_nsec)
        changed = Timestamp(seconds: raw.ctime_sec, nanoseconds: raw.ctime_nsec)
    }
}

/// The number of a device node. See makedev(3).
package struct DeviceNumber: Hashable, Sendable {
    /// That of /dev/null, see null(4).
    package static let null = DeviceNumber(major: 1, minor: 3)

    package var major: UInt32
    package var minor: UInt32

    package init(major: UInt32, minor: UInt32) {
        self.major = major
        self.minor = minor
    }
}

/// A point in time as the kernel keeps it: seconds and nanoseconds since 1970.
package struct Timestamp: Hashable, Sendable {
    package var seconds: Int64
    /// 0 ..< 1,000,000,000.
    package var nanoseconds: Int64

    package init(seconds: Int64, nanoseconds: Int64) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }
}

/// What statfs(2) tells of a mounted file system.
package struct FileSystemStatus: Hashable, Sendable {
    /// The magic number, PROC_SUPER_MAGIC and its like.
    package var type: Int64
    package var blockSize: UInt64
    package var blocks: UInt64
    package var blocksAvailable: UInt64
    package var files: UInt64
    package var filesFree: UInt64
    /// ST_* flags.
    package var flags: UInt64

    init(_ raw: clx_filesystem) {
        type = raw.type
        blockSize = raw.block_size
        blocks = raw.blocks
        blocksAvailable = raw.blocks_available
        files = raw.files
        filesFree = raw.files_free
        flags = raw.flags
    }
}
