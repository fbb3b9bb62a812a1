// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Archive
import Linux
import Testing
import TestSupport

/// What honest layers hold, and how it arrives on disk.
@Suite(.requiresRoot) struct ExtractionTests {
    let folder: TemporaryDirectory
    let root: String

    init() throws {
        folder = try TemporaryDirectory()
        root = "\(folder.path)/layer"
        try Syscall.makeDirectory(root)
    }

    @Test func keepsOwnersModesAndTimes() throws {
        var tar = TarBuilder()
        tar.add("./", type: "5", mode: 0o751, uid: 3, gid: 4, modified: 77)
        tar.add("bin/", type: "5", mode: 0o1777, uid: 1, gid: 2, modified: 500)
        tar.add("bin/su", content: Array("x".utf8), mode: 0o4755, uid: 1000, gid: 2000, modified: 1_234_567_890)
        tar.add("bin/link", type: "2", uid: 5, gid: 6, modified: 99, link: "su")
        let summary = try unpack(tar)
        #expect(try status("bin/su").permissions == 0o4755)
        #expect(try status("bin/su").uid == 1000)
        #expect(try status("bin/su").gid == 2000)
        #expect(try status("bin/su").modified == Timestamp(seconds: 1_234_567_890, nanoseconds: 0))
        #expect(try status("bin").permissions == 0o1777)
        // Set after everything was put into it.
        #expect(try status("bin").modified.seconds == 500)
        #expect(try status("bin/link").uid == 5)
        #expect(try status("bin/link").modified.seconds == 99)
        #expect(try status(".").permissions == 0o751)
        #expect(try status(".").modified.seconds == 77)
        #expect(summary.inodes == 3)
        #expect(summary.bytes == 2 * 4096)
    }

    @Test func makesEveryKindOfFile() throws {
        var tar = TarBuilder()
        tar.add("file", content: Array("content".utf8))
        tar.add("hard", type: "1", link: "file")
        tar.add("null", type: "3", mode: 0o666, device: (1, 3))
        tar.add("disk", type: "4", mode: 0o660, gid: 6, device: (8, 1))
        tar.add("fifo", type: "6", mode: 0o600)
        tar.add("dangling", type: "2", link: "../../../nowhere")
        tar.add("hard-to-link", type: "1", link: "dangling")
        try unpack(tar)
        #expect(try status("hard").inode == status("file").inode)
        #expect(try status("null").deviceNumber == DeviceNumber(major: 1, minor: 3))
        #expect(try status("null").permissions == 0o666)
        #expect(try status("disk").kind == .block)
        #expect(try status("fifo").kind == .fifo)
        #expect(try Syscall.readLink("\(root)/dangling") == "../../../nowhere")
        #expect(try status("hard-to-link").inode == status("dangling").inode)
    }

    @Test func setsAttributesAndLeavesOutReservedOnes() throws {
        // VFS_CAP_REVISION_2 with cap_net_raw permitted and effective.
        let capability: [UInt8] = [1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        var tar = TarBuilder()
        tar.add(
            "ping", mode: 0o755, uid: 7,
            pax: [
                ("SCHILY.xattr.security.capability", capability), ("SCHILY.xattr.user.note", Array("a=b\nc".utf8)),
                ("SCHILY.xattr.trusted.overlay.redirect", Array("/etc".utf8)),
                ("SCHILY.xattr.user.overlay.whiteout", Array("y".utf8)),
            ])
        tar.add(
            "dir/", type: "5", mode: 0o755,
            pax: [
                ("SCHILY.xattr.trusted.overlay.opaque", Array("y".utf8)), ("SCHILY.xattr.user.d", Array("1".utf8)),
            ])
        try unpack(tar)
        #expect(try Set(Syscall.attributeNames("\(root)/ping")) == ["security.capability", "user.note"])
        #expect(try Syscall.attribute("\(root)/ping", "security.capability") == capability)
        #expect(try Syscall.attribute("\(root)/ping", "user.note") == Array("a=b\nc".utf8))
        #expect(try Syscall.attributeNames("\(root)/dir") == ["user.d"])
    }

    @Test func keepsNamesAsBytes() throws {
        // Composed and decomposed are two names; Latin-1 is no UTF-8 at all.
        let names: [[UInt8]] = [
            Array("\u{E9}".utf8), Array("e\u{301}".utf8), [0x63, 0x61, 0x66, 0xE9], Array("a\nb".utf8),
        ]
        for usesPax in [false, true] {
            var tar = TarBuilder()
            for name in names {
                let path = Array("p\(usesPax)/".utf8) + name
                tar.add(nameBytes: usesPax ? [0x78] : path, content: name, pax: usesPax ? [("path", path)] : [])
            }
            try unpack(tar)
            let directory = try Syscall.open("\(root)/p\(usesPax)", [.directory])
            let found = try Set(Syscall.rawEntries(of: directory.rawValue).map { Array($0.bytes) })
            #expect(found == Set(names))
        }
    }

    @Test func readsLongNamesAndFractionsOfSeconds() throws {
        let long =
            (0..<12).map { "directory-number-\($0)" }.joined(separator: "/") + "/" + String(repeating: "n", count: 200)
        var tar = TarBuilder()
        tar.add(
            long, content: [1, 2, 3],
            pax: [("mtime", Array("1700000000.123456789".utf8)), ("uid", Array("3000000".utf8))])
        try unpack(tar)
        #expect(try status(long).modified == Timestamp(seconds: 1_700_000_000, nanoseconds: 123_456_789))
        #expect(try status(long).uid == 3_000_000)
        // Directories that the archive did not bring.
        #expect(try status("directory-number-0").permissions == 0o755)
    }

    @Test func laterEntriesReplaceEarlierOnes() throws {
        var tar = TarBuilder()
        tar.add("a", content: Array("first".utf8))
        tar.add("a", content: Array("second".utf8))
        tar.add("b/", type: "5")
        tar.add("b/inside", content: [1])
        tar.add("b", content: Array("now a file".utf8))
        tar.add("c", content: [1])
        tar.add("c/", type: "5", mode: 0o700)
        tar.add("d/", type: "5", mode: 0o700)
        tar.add("d/kept", content: [1])
        tar.add("d/", type: "5", mode: 0o750)
        let summary = try unpack(tar)
        #expect(try Syscall.readText("\(root)/a") == "second")
        #expect(try Syscall.readText("\(root)/b") == "now a file")
        #expect(try status("c").isDirectory)
        #expect(try status("d").permissions == 0o750)
        #expect(Syscall.exists("\(root)/d/kept"))
        #expect(summary.inodes == 5)
        #expect(summary.bytes == 5 * 4096)
    }

    @Test func followsLinksOfTheSameLayerInside() throws {
        var tar = TarBuilder()
        tar.add("lib", type: "2", link: "usr/lib")
        tar.add("lib/early", content: [1])
        tar.add("var/run", type: "2", link: "/run")
        tar.add("var/run/absolute", content: [2])
        tar.add("usr/lib/", type: "5", mode: 0o755)
        tar.add("lib/late", content: [3])
        tar.add("a/b/up", type: "2", link: "../../usr")
        tar.add("a/b/up/lib/through", content: [4])
        tar.add("lib/hard", type: "1", link: "lib/late")
        try unpack(tar)
        #expect(try Set(Syscall.entries("\(root)/usr/lib")) == ["early", "late", "through", "hard"])
        #expect(try Syscall.entries("\(root)/run") == ["absolute"])
        #expect(try status("lib").isSymlink)
    }

    @Test func readsSparseFiles() throws {
        let source = "\(folder.path)/sparse"
        try Command.run([
            "/bin/sh", "-c",
            "truncate -s 1M \(source) && printf middle | dd of=\(source) bs=1 seek=524288 conv=notrunc",
        ])
        for format in ["gnu", "pax"] {
            let archive = "\(folder.path)/\(format).tar"
            try Command.run(["/bin/tar", "-C", folder.path, "--format=\(format)", "-S", "-cf", archive, "sparse"])
            try unpack(bytes: try Syscall.readFile(archive))
            #expect(try status("sparse").size == 1 << 20)
            #expect(try status("sparse").blocks * 512 < 1 << 17)
            #expect(try Syscall.readFile("\(root)/sparse") == Syscall.readFile(source))
        }
    }

    @Test(arguments: ["gnu", "pax", "ustar", "v7", "oldgnu"]) func readsFormatsOfTar(format: String) throws {
        let archive = "\(folder.path)/x.tar"
        try Command.run(["/bin/tar", "--format=\(format)", "-C", "/etc", "-cf", archive, "passwd", "hosts"])
        try unpack(bytes: try Syscall.readFile(archive))
        #expect(try Syscall.readFile("\(root)/passwd") == Syscall.readFile("/etc/passwd"))
        #expect(try Syscall.status("/etc/hosts").permissions == status("hosts").permissions)
    }

    @Test func nothingIsAnEmptyLayer() throws {
        #expect(try unpack(bytes: []).inodes == 0)
        #expect(try unpack(TarBuilder()).inodes == 0)
    }

    @discardableResult
    private func unpack(_ tar: TarBuilder) throws -> LayerExtractor.Summary { try unpack(bytes: tar.finished) }

    @discardableResult
    private func unpack(bytes: [UInt8]) throws -> LayerExtractor.Summary {
        let reader = try LayerReader(Decompressor(MemorySource(bytes, blockSize: 777)))
        return try LayerExtractor(into: root, whiteout: .overlay).extract(reader)
    }

    private func status(_ path: String) throws -> FileStatus { try Syscall.linkStatus("\(root)/\(path)") }
}
