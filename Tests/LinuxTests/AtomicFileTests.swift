// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

struct AtomicFileTests {
    private let folder: TemporaryDirectory
    private var path: String { "\(folder.path)/file" }

    init() throws { folder = try TemporaryDirectory() }

    @Test func replacesFilesAndLinks() throws {
        try AtomicFile.write(path, "one")
        try AtomicFile.write(path, "two")
        #expect(try Syscall.readText(path) == "two")
        try Syscall.rename(path, "\(folder.path)/target")
        try Syscall.makeSymlink("target", path)
        try AtomicFile.write(path, "three")
        #expect(try Syscall.readText("\(folder.path)/target") == "two")
        #expect(try Syscall.readText(path) == "three")
    }

    /// Device nodes need the superuser; a pipe stands for them.
    @Test func replacesNothingElse() throws {
        try Syscall.makeNode(path, mode: 0o010600, device: DeviceNumber(major: 0, minor: 0))
        #expect(throws: Errno.EEXIST) { try AtomicFile.write(path, "one") }
        #expect(try Syscall.linkStatus(path).kind == .fifo)
        #expect(try Syscall.entries(folder.path) == ["file"])
    }

    @Test func whatAKilledWriterLeftIsRemoved() throws {
        try AtomicFile.removeLeftovers(in: "\(folder.path)/absent")
        let others = [".5.6", "file.5.6", ".file.5.", ".file.5.x", "..5"]
        for name in others + [".file.5.6", ".a.json.26162.70501411944762"] {
            try AtomicFile.write("\(folder.path)/\(name)", "")
        }
        try AtomicFile.removeLeftovers(in: folder.path)
        #expect(try Syscall.entries(folder.path).sorted() == others.sorted())
    }
}
