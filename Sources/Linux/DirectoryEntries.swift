// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

/// The names in a directory without `.` and `..`, in the file system's order. They are read in parts, so that they take little
/// memory however many there are; what has been named may be removed meanwhile.
package struct DirectoryEntries {
    private static let room = 32768

    private let descriptor: Int32
    /// Records of the kernel, of which those before `start` have been taken.
    private var block: [UInt8] = []
    private var start = 0

    /// The descriptor stays the caller's, and must be fresh: its position moves.
    package init(of descriptor: Int32) { self.descriptor = descriptor }

    /// The next name, nil behind the last. The corresponding system call is `getdents64(2)`.
    package mutating func next() throws(Errno) -> RawName? {
        while true {
            if start == block.count {
                block = try Self.read(descriptor)
                start = 0
                if block.isEmpty { return nil }
            }
            if let name = nextInBlock() { return name }
        }
    }

    /// No longer than what was read: a walk down a tree has one of these for each directory on its way.
    private static func read(_ descriptor: Int32) throws(Errno) -> [UInt8] {
        var failure = 0
        let block = unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: room) { buffer -> [UInt8] in
            let got = unsafe clx_getdents64(descriptor, buffer.baseAddress, room)
            guard got > 0 else {
                failure = got
                return []
            }
            return unsafe Array(buffer[..<got])
        }
        try Errno.check(failure)
        return block
    }

    /// The name in the next record, unless it is the directory itself or the one above. struct linux_dirent64: inode (8), offset
    /// (8), record length (2), type (1), name to the first NUL.
    private mutating func nextInBlock() -> RawName? {
        let end = start + (Int(block[start + 16]) | Int(block[start + 17]) << 8)
        let name = start + 19
        defer { start = end }
        let dots = block[name...].prefix(3)
        if dots.starts(with: [46, 0]) || dots.starts(with: [46, 46, 0]) { return nil }
        return RawName(block[name..<end])
    }
}
