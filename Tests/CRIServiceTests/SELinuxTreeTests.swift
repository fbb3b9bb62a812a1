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
        try relabel(top)
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
        try relabel(folder.path + "/top")
        #expect(throws: Errno.ENODATA) { try label(of: folder.path + "/outside") }
        #expect(throws: ServiceError.self) { try relabel("/usr") }
    }

    /// Who can rename a folder above the volume may put a link in its place, once the volume was found.
    @Test func aFolderThatIsReplacedLeadsNowhere() throws {
        let folder = try TemporaryDirectory()
        for path in ["above/volume/inner", "outside/volume/inner"] {
            try Syscall.makeDirectories("\(folder.path)/\(path)")
        }
        let volume = try Syscall.open("\(folder.path)/above/volume", .path)
        try Syscall.rename("\(folder.path)/above", "\(folder.path)/moved")
        try Syscall.makeSymlink("outside", "\(folder.path)/above")
        try SELinuxTree.relabel(volume, at: "\(folder.path)/above/volume", Self.label)
        for path in ["volume", "volume/inner"] {
            #expect(throws: Errno.ENODATA) { try label(of: "\(folder.path)/outside/\(path)") }
            #expect(try label(of: "\(folder.path)/moved/\(path)") == Self.label)
        }
    }

    @Test func whatIsLabelledIsPassedOver() throws {
        let folder = try TemporaryDirectory()
        let top = folder.path + "/top"
        try Syscall.makeDirectory(top)
        try relabel(top)
        try AtomicFile.write(top + "/file", "x")
        try SELinuxTree.relabel(try Syscall.open(top, .path), at: top, Self.label, unlessLabelled: true)
        #expect(throws: Errno.ENODATA) { try label(of: top + "/file") }
    }

    private func relabel(_ path: String) throws {
        try SELinuxTree.relabel(try Syscall.open(path, .path), at: path, Self.label)
    }
}
