// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

/// What strangers put into a path, and where it must lead.
@Suite struct SafeRootTests {
    struct Case: Sendable {
        var path: String
        var expected: Result<String, Errno>
    }

    static let cases = [
        Case(path: "file", expected: .success("inside")),
        Case(path: "/file", expected: .success("inside")),
        Case(path: "../../../file", expected: .success("inside")),
        Case(path: "absolute-link", expected: .success("inside")),
        Case(path: "climbing-link", expected: .success("inside")),
        Case(path: "dir/../file", expected: .success("inside")),
        Case(path: "missing", expected: .failure(.ENOENT)),
        Case(path: "dangling", expected: .failure(.ENOENT)),
        Case(path: "loop", expected: .failure(.ELOOP)),
        Case(path: "file/below", expected: .failure(.ENOTDIR)),
        Case(path: "dir", expected: .failure(.EINVAL)),
    ]

    @Test(arguments: cases) func resolvesWithin(_ one: Case) throws {
        let outer = try TemporaryDirectory()
        try AtomicFile.write(outer.path + "/file", "outside")
        let root = outer.path + "/root"
        try Syscall.makeDirectories(root + "/dir")
        try AtomicFile.write(root + "/file", "inside")
        try Syscall.makeSymlink("/file", root + "/absolute-link")
        try Syscall.makeSymlink("../../../file", root + "/climbing-link")
        try Syscall.makeSymlink("/nowhere", root + "/dangling")
        try Syscall.makeSymlink("loop", root + "/loop")
        let safe = try SafeRoot(root)
        switch one.expected {
        case .success(let text):
            #expect(String(decoding: try safe.readFile(one.path), as: UTF8.self) == text)
        case .failure(let errno):
            #expect(throws: errno) { try SafeRoot(root).readFile(one.path) }
        }
    }

    @Test func makesDirectoriesBelowLinksInside() throws {
        let outer = try TemporaryDirectory()
        let root = outer.path + "/root"
        try Syscall.makeDirectories(root + "/real")
        try Syscall.makeSymlink("/real", root + "/alias")
        let safe = try SafeRoot(root)
        _ = try safe.makeDirectories("alias/a/b")
        #expect(Syscall.exists(root + "/real/a/b"))
        _ = try safe.makeFile("alias/a/c/file")
        #expect(try Syscall.status(root + "/real/a/c/file").kind == .regular)
        #expect(!Syscall.exists(outer.path + "/real"))
    }

    /// What such a link points to is made inside, however far it reaches.
    @Test func makesWhatDanglingLinksPointTo() throws {
        let outer = try TemporaryDirectory()
        let root = outer.path + "/root"
        try Syscall.makeDirectories(root + "/deep")
        try Syscall.makeSymlink("/not/there", root + "/link")
        try Syscall.makeSymlink("../../../\(outer.path)/file", root + "/deep/link")
        try Syscall.makeSymlink("second", root + "/first")
        try Syscall.makeSymlink("first/x", root + "/second")
        let safe = try SafeRoot(root)
        _ = try safe.makeDirectories("link/below")
        #expect(Syscall.exists(root + "/not/there/below"))
        _ = try safe.makeFile("deep/link")
        #expect(try Syscall.status("\(root)\(outer.path)/file").kind == .regular)
        #expect(!Syscall.exists(outer.path + "/file"))
        #expect(throws: Errno.ELOOP) { _ = try safe.makeDirectories("first") }
    }

    @Test func doesNotHangOnAFifo() throws {
        let directory = try TemporaryDirectory()
        try Syscall.makeNode(directory.path + "/fifo", mode: 0o010644, device: DeviceNumber(major: 0, minor: 0))
        #expect(throws: Errno.EINVAL) { try SafeRoot(directory.path).readFile("fifo") }
    }

    @Test(.requiresRoot) func whatIsMadeHasItsOwner() throws {
        let folder = try TemporaryDirectory()
        try Syscall.makeDirectory(folder.path + "/old")
        let safe = try SafeRoot(folder.path)
        _ = try safe.makeDirectories("old/a/b", owner: FileOwner(uid: 7, gid: 8))
        for (path, uid, gid) in [("old", 0, 0), ("old/a", 7, 8), ("old/a/b", 7, 8)] as [(String, UInt32, UInt32)] {
            let status = try Syscall.status("\(folder.path)/\(path)")
            #expect(status.uid == uid && status.gid == gid, "\(path)")
        }
    }
}
