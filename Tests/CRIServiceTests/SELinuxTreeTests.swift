// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

@testable import CRIService

@Suite(.requiresRoot) struct SELinuxTreeTests {
    private static let label = "system_u:object_r:container_file_t:s0:c1,c2"

    private func label(of path: String) throws -> String {
        String(decoding: try Syscall.attribute(path, "security.selinux").dropLast(), as: UTF8.self)
    }

    /// A container may nest the directories of its volume deeper than the daemon has descriptors or a stack has room.
    @Test func everythingIsLabelledHoweverDeep() throws {
        let folder = try TemporaryDirectory()
        let top = folder.path + "/top"
        try Syscall.makeDirectory(top)
        var current = SharedFD(try Syscall.open(top, .directory))
        for _ in 0..<3000 {
            try Syscall.makeDirectory("d", at: current.rawValue)
            current = SharedFD(try Syscall.open("d", .directory, at: current.rawValue))
        }
        _ = try Syscall.open("file", [.writeOnly, .create], at: current.rawValue)
        try SELinuxTree.relabel(top, Self.label)
        let deepest = current.descriptor.procPath
        for path in [top, "\(top)/d", "\(deepest)/.", "\(deepest)/file"] {
            #expect(try label(of: path) == Self.label)
        }
    }

    @Test func linksLeadNowhere() throws {
        let folder = try TemporaryDirectory()
        try Syscall.makeDirectories(folder.path + "/top/inner")
        try AtomicFile.write(folder.path + "/outside", "x")
        try Syscall.makeSymlink(folder.path + "/outside", folder.path + "/top/inner/link")
        try SELinuxTree.relabel(folder.path + "/top", Self.label)
        #expect(throws: Errno.ENODATA) { try label(of: folder.path + "/outside") }
        #expect(throws: ServiceError.self) { try SELinuxTree.relabel("/usr", Self.label) }
    }
}
