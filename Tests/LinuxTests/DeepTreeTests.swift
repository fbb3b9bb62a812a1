// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

/// Whoever may make directories may nest them deeper than a process has descriptors or a stack has room.
@Suite struct DeepTreeTests {
    /// More than the stack of a thread has room for, and mostly more than there are descriptors. What the kernel needs for it
    /// grows with the square.
    private static let depth = 4000

    @Test func areMeasuredAndRemoved() throws {
        let folder = try TemporaryDirectory()
        let top = folder.path + "/top"
        try Syscall.makeDirectory(top)
        var current = SharedFD(try Syscall.open(top, .directory))
        for _ in 0..<Self.depth {
            _ = try Syscall.open("file", [.writeOnly, .create], at: current.rawValue)
            try Syscall.makeDirectory("d", at: current.rawValue)
            current = SharedFD(try Syscall.open("d", .directory, at: current.rawValue))
        }
        #expect(try Syscall.treeSize(top).inodes == UInt64(1 + Self.depth * 2))
        try Syscall.removeTree(top)
        #expect(!Syscall.exists(top))
    }

    /// More full directories in one, and in one of those, than are gone into at once.
    @Test func areRemovedInParts() throws {
        let folder = try TemporaryDirectory()
        let top = folder.path + "/top"
        try Syscall.makeDirectory(top)
        for path in [top, "\(top)/0", "\(top)/0/0"] {
            for number in 0..<9000 {
                try Syscall.makeDirectory("\(path)/\(number)")
                _ = try Syscall.open("\(path)/\(number)/file", [.writeOnly, .create])
            }
        }
        try Syscall.removeTree(top)
        #expect(!Syscall.exists(top))
    }

    /// What is a mount inside stays, and so does what it shows.
    @Test(.requiresRoot) func stopAtMounts() throws {
        let folder = try TemporaryDirectory()
        let top = folder.path + "/top"
        try Syscall.makeDirectories("\(top)/a/mounted")
        try Syscall.mount(source: "none", target: "\(top)/a/mounted", type: "tmpfs")
        try AtomicFile.write("\(top)/a/mounted/file", "x")
        #expect(throws: Errno.EBUSY) { try Syscall.removeTree(top) }
        try Syscall.unmountAll("\(top)/a/mounted")
        try Syscall.removeTree(top)
        #expect(!Syscall.exists(top))
    }
}
