// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Archive
import Linux
import TestSupport
import Testing

/// Trees in a tar, read back by tar(1).
@Suite(.requiresRoot) struct TreeTarTests {
    private let folder: TemporaryDirectory
    private let (tree, copy, archive): (String, String, String)

    init() throws {
        folder = try TemporaryDirectory()
        (tree, copy, archive) = ("\(folder.path)/tree", "\(folder.path)/copy", "\(folder.path)/archive.tar")
        try Syscall.makeDirectory(tree)
        try Syscall.makeDirectory(copy)
    }

    private func pack() throws {
        let tar = TreeTar(SharedFD(try Syscall.open(archive, [.writeOnly, .create, .exclusive])))
        let directory = try Syscall.open(tree, [.path, .directory])
        try tar.addTree(directory.rawValue)
        try tar.finish()
    }

    private func unpack() throws {
        let program = try #require(ChildPlan.find("tar", path: "/usr/bin:/bin"))
        let output = try CommandOutput.run(
            ChildPlan(program, [program, "-x", "-p", "--xattrs", "--xattrs-include=*", "-f", archive, "-C", copy]))
        try #require(output.status.isSuccess, "\(output.errorText)")
        #expect(output.errorText.isEmpty)
    }

    @Test func everyKindOfFileComesBack() throws {
        let long = String(repeating: "n", count: 200)
        try AtomicFile.write("\(tree)/file", "content", mode: 0o640)
        try Syscall.changeOwner("\(tree)/file", uid: 7, gid: 3_000_000_000)
        try Syscall.setAttribute("\(tree)/file", "user.note", Array("kept\n=".utf8))
        try Syscall.makeLink("\(tree)/file", "\(tree)/same")
        try Syscall.makeDirectory("\(tree)/\(long)", mode: 0o711)
        try AtomicFile.write("\(tree)/\(long)/\(long)", [UInt8](repeating: 5, count: 70_000))
        try Syscall.makeSymlink("\(long)/\(long)", "\(tree)/link")
        try Syscall.makeNode("\(tree)/pipe", mode: 0o010600, device: DeviceNumber(major: 0, minor: 0))
        try Syscall.makeNode("\(tree)/null", mode: 0o020666, device: DeviceNumber(major: 1, minor: 3))
        try pack()
        try unpack()
        #expect(try Set(Syscall.entries(copy)) == Set(Syscall.entries(tree)))
        for name in try Syscall.entries(tree) {
            let (old, new) = (try Syscall.linkStatus("\(tree)/\(name)"), try Syscall.linkStatus("\(copy)/\(name)"))
            #expect(old.mode == new.mode && old.uid == new.uid && old.gid == new.gid, "\(name)")
            #expect(old.deviceNumber == new.deviceNumber && old.links == new.links, "\(name)")
            #expect(old.modified.seconds == new.modified.seconds, "\(name)")
        }
        #expect(try Syscall.readText("\(copy)/same") == "content")
        #expect(try Syscall.attribute("\(copy)/file", "user.note") == Array("kept\n=".utf8))
        #expect(try Syscall.readFile("\(copy)/link") == [UInt8](repeating: 5, count: 70_000))
    }

    @Test func socketsAreLeftOut() throws {
        let socket = try UnixSocket.listen("\(tree)/socket", .stream)
        try pack()
        _ = consume socket
        try unpack()
        #expect(try Syscall.entries(copy).isEmpty)
    }

    @Test(
        arguments: [
            (511, Array("00000000777".utf8) + [0]), ((1 << 33) - 1, Array("77777777777".utf8) + [0]),
            (1 << 33, [0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0]),
        ] as [(Int64, [UInt8])])
    func sizesUpToEightGibibytesAreDigits(size: Int64, field: [UInt8]) {
        var entry = TarEntry(.regular, RawName("f"))
        entry.size = size
        #expect(Array(entry.bytes[124..<136]) == field)
    }
}
