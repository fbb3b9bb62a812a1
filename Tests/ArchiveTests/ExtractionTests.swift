// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Archive
import Linux
import Testing
import TestSupport

/// What honest layers hold, and how it arrives on disk.
@Suite(.requiresRoot) struct ExtractionTests {
    @Test(arguments: LayerForm.all) func keepsOwnersModesAndTimes(form: LayerForm) throws {
        let lab = try LayerLab(form)
        var tar = TarBuilder()
        tar.add("./", type: "5", mode: 0o751, uid: 3, gid: 4, modified: 77)
        tar.add("bin/", type: "5", mode: 0o1777, uid: 1, gid: 2, modified: 500)
        tar.add("bin/su", content: Array("x".utf8), mode: 0o4755, uid: 1000, gid: 2000, modified: 1_234_567_890)
        tar.add("bin/link", type: "2", uid: 5, gid: 6, modified: 99, link: "su")
        let summary = try lab.unpack(tar)
        #expect(try lab.status("bin/su").permissions == 0o4755)
        #expect(try lab.status("bin/su").uid == 1000)
        #expect(try lab.status("bin/su").gid == 2000)
        #expect(try lab.status("bin/su").modified == Timestamp(seconds: 1_234_567_890, nanoseconds: 0))
        #expect(try lab.status("bin").permissions == 0o1777)
        // Set after everything was put into it.
        #expect(try lab.status("bin").modified.seconds == 500)
        #expect(try lab.status("bin/link").uid == 5)
        #expect(try lab.status("bin/link").modified.seconds == 99)
        #expect(try lab.status(".").permissions == 0o751)
        #expect(try lab.status(".").modified.seconds == 77)
        if form == .directory {
            #expect(summary.inodes == 4)
            #expect(summary.bytes == 3 * 4096)
        }
    }

    @Test(arguments: LayerForm.all) func makesEveryKindOfFile(form: LayerForm) throws {
        let lab = try LayerLab(form)
        var tar = TarBuilder()
        tar.add("file", content: Array("content".utf8))
        tar.add("hard", type: "1", link: "file")
        tar.add("null", type: "3", mode: 0o666, device: (1, 3))
        tar.add("disk", type: "4", mode: 0o660, gid: 6, device: (8, 1))
        tar.add("fifo", type: "6", mode: 0o600)
        tar.add("dangling", type: "2", link: "../../../nowhere")
        tar.add("hard-to-link", type: "1", link: "dangling")
        try lab.unpack(tar)
        #expect(try lab.status("hard").inode == lab.status("file").inode)
        #expect(try lab.status("null").deviceNumber == DeviceNumber(major: 1, minor: 3))
        #expect(try lab.status("null").permissions == 0o666)
        #expect(try lab.status("disk").kind == .block)
        #expect(try lab.status("fifo").kind == .fifo)
        #expect(try Syscall.readLink("\(lab.root)/dangling") == "../../../nowhere")
        #expect(try lab.status("hard-to-link").inode == lab.status("dangling").inode)
    }

    @Test(arguments: LayerForm.all) func setsAttributesAndLeavesOutReservedOnes(form: LayerForm) throws {
        let lab = try LayerLab(form)
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
        try lab.unpack(tar)
        #expect(try Set(Syscall.attributeNames("\(lab.root)/ping")) == ["security.capability", "user.note"])
        #expect(try Syscall.attribute("\(lab.root)/ping", "security.capability") == capability)
        #expect(try Syscall.attribute("\(lab.root)/ping", "user.note") == Array("a=b\nc".utf8))
        #expect(try Syscall.attributeNames("\(lab.root)/dir") == ["user.d"])
    }

    @Test(arguments: LayerForm.all) func keepsNamesAsBytes(form: LayerForm) throws {
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
            let lab = try LayerLab(form)
            try lab.unpack(tar)
            let directory = try Syscall.open("\(lab.root)/p\(usesPax)", [.directory])
            let found = try Set(Syscall.rawEntries(of: directory.rawValue).map { Array($0.bytes) })
            #expect(found == Set(names))
        }
    }

    @Test(arguments: LayerForm.all) func readsLongNamesAndFractionsOfSeconds(form: LayerForm) throws {
        let lab = try LayerLab(form)
        let long =
            (0..<12).map { "directory-number-\($0)" }.joined(separator: "/") + "/" + String(repeating: "n", count: 200)
        var tar = TarBuilder()
        tar.add(
            long, content: [1, 2, 3],
            pax: [("mtime", Array("1700000000.123456789".utf8)), ("uid", Array("3000000".utf8))])
        try lab.unpack(tar)
        #expect(try lab.status(long).modified == Timestamp(seconds: 1_700_000_000, nanoseconds: 123_456_789))
        #expect(try lab.status(long).uid == 3_000_000)
        // Directories that the archive did not bring.
        #expect(try lab.status("directory-number-0").permissions == 0o755)
    }

    @Test(arguments: LayerForm.all) func laterEntriesReplaceEarlierOnes(form: LayerForm) throws {
        let lab = try LayerLab(form)
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
        let summary = try lab.unpack(tar)
        #expect(try Syscall.readText("\(lab.root)/a") == "second")
        #expect(try Syscall.readText("\(lab.root)/b") == "now a file")
        #expect(try lab.status("c").isDirectory)
        #expect(try lab.status("d").permissions == 0o750)
        #expect(Syscall.exists("\(lab.root)/d/kept"))
        if form == .directory {
            #expect(summary.inodes == 6)
            #expect(summary.bytes == 6 * 4096)
        }
    }

    @Test(arguments: LayerForm.all) func aDirectoryHasTheAttributesOfItsLastEntry(form: LayerForm) throws {
        let lab = try LayerLab(form)
        var tar = TarBuilder()
        for attribute in ["user.first", "user.last"] {
            for name in ["./", "d/"] { tar.add(name, type: "5", pax: [("SCHILY.xattr.\(attribute)", [1])]) }
        }
        try lab.unpack(tar)
        for name in [".", "d"] { #expect(try Syscall.attributeNames("\(lab.root)/\(name)") == ["user.last"]) }
    }

    /// No engine heeds them; git writes the name of a commit there.
    @Test(arguments: LayerForm.all) func globalHeadersMeanNothing(form: LayerForm) throws {
        let lab = try LayerLab(form)
        var tar = TarBuilder()
        let records = [
            ("comment", "0123abcd"), ("path", "elsewhere"), ("uid", "7"), ("SCHILY.xattr.user.all", "1"),
        ].flatMap { TarBuilder.record($0, Array($1.utf8)) }
        tar.add("pax_global_header", type: "g", content: records)
        tar.add("file", content: [1], pax: [("gid", Array("8".utf8))])
        try lab.unpack(tar)
        #expect(try lab.entries() == ["file"])
        #expect(try lab.status("file").uid == 0)
        #expect(try lab.status("file").gid == 8)
        #expect(try Syscall.attributeNames("\(lab.root)/file").isEmpty)
        var damaged = TarBuilder()
        damaged.add("pax_global_header", type: "g", content: Array("99 x=y\n".utf8))
        #expect(throws: ArchiveError.self) { try LayerLab(form).unpack(damaged) }
    }

    @Test(arguments: LayerForm.all) func followsLinksOfTheSameLayerInside(form: LayerForm) throws {
        let lab = try LayerLab(form)
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
        try lab.unpack(tar)
        #expect(try Set(Syscall.entries("\(lab.root)/usr/lib")) == ["early", "late", "through", "hard"])
        #expect(try Syscall.entries("\(lab.root)/run") == ["absolute"])
        #expect(try lab.status("lib").isSymlink)
    }

    @Test(arguments: LayerForm.all) func keepsTimesBefore1970AndLargeSizes(form: LayerForm) throws {
        let lab = try LayerLab(form)
        var tar = TarBuilder()
        tar.add("early", pax: [("mtime", Array("-315615476.876543211".utf8))])
        // Longer than one block, exactly one, and just too long to be beside its inode.
        for size in [1, 4000, 4032, 4033, 4064, 4095, 4096, 4097, 8191, 1_000_000] {
            tar.add("file-\(size)", content: (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7 ^ $0 >> 8) })
        }
        tar.add("link", type: "2", link: String(repeating: "l", count: 4090))
        try lab.unpack(tar)
        #expect(try lab.status("early").modified == Timestamp(seconds: -315_615_477, nanoseconds: 123_456_789))
        for size in [1, 4000, 4032, 4033, 4064, 4095, 4096, 4097, 8191, 1_000_000] {
            let found = try Syscall.readFile("\(lab.root)/file-\(size)")
            #expect(found == (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7 ^ $0 >> 8) })
        }
        #expect(try Syscall.readLink("\(lab.root)/link").utf8.count == 4090)
    }

    @Test(arguments: LayerForm.all) func listsLargeDirectoriesAndCountsLinks(form: LayerForm) throws {
        let lab = try LayerLab(form)
        var tar = TarBuilder()
        tar.add("d/", type: "5", mode: 0o755)
        // Names before and after those of the directory itself and the one above.
        for name in ["!", "-", "zzz"] { tar.add("d/\(name)", content: [1]) }
        for number in 0..<700 { tar.add("d/a-rather-long-name-of-a-file-\(number)", content: [UInt8(number & 0xFF)]) }
        for number in 0..<20 { tar.add("d/sub-\(number)/", type: "5", mode: 0o755) }
        for number in 0..<9 { tar.add("hard-\(number)", type: "1", link: "d/zzz") }
        try lab.unpack(tar)
        #expect(try lab.entries("d").count == 723)
        for number in 0..<700 {
            let name = "d/a-rather-long-name-of-a-file-\(number)"
            #expect(try Syscall.readFile("\(lab.root)/\(name)") == [UInt8(number & 0xFF)])
        }
        #expect(try lab.status("d").links == 22)
        #expect(try lab.status("hard-3").links == 10)
        #expect(throws: Errno.ENOENT) { try lab.status("d/a") }
        #expect(throws: Errno.ENOENT) { try lab.status("d/~") }
    }

    @Test(arguments: LayerForm.all) func keepsLargeAttributes(form: LayerForm) throws {
        let lab = try LayerLab(form)
        let value = (0..<3500).map { UInt8(truncatingIfNeeded: $0) }
        var tar = TarBuilder()
        tar.add("./", type: "5", pax: [("SCHILY.xattr.user.root", [1])])
        tar.add(
            "many", content: value,
            pax: [("SCHILY.xattr.user.one", value), ("SCHILY.xattr.user.none", []), ("SCHILY.xattr.trusted.t", [9])])
        // Attributes that libarchive writes: the name in percents, the value in base 64.
        tar.add("other", pax: [("LIBARCHIVE.xattr.user.a%20b", Array("aGVsbG8".utf8))])
        tar.add("link", type: "2", link: "many", pax: [("SCHILY.xattr.user.not-of-links", [1])])
        let summary = try lab.unpack(tar)
        #expect(try lab.attribute("many", "user.one") == value)
        #expect(try lab.attribute("many", "user.none") == [])
        #expect(try lab.attribute("many", "trusted.t") == [9])
        #expect(try lab.attribute("other", "user.a b") == Array("hello".utf8))
        #expect(try lab.attribute(".", "user.root") == [1])
        #expect(try Syscall.readFile("\(lab.root)/many") == value)
        #expect(summary.skippedAttributes == 1)
    }

    @Test(arguments: LayerForm.all, ["gnu", "pax 0.0", "pax 0.1", "pax 1.0"])
    func readsSparseFiles(form: LayerForm, format: String) throws {
        let lab = try LayerLab(form)
        let source = "\(lab.folder.path)/sparse"
        let archive = "\(lab.folder.path)/tar"
        let script = """
            truncate -s 1M \(source) && printf middle | dd of=\(source) bs=1 seek=524288 conv=notrunc
            printf end | dd of=\(source) bs=1 seek=900000 conv=notrunc
            """
        try Command.run(["/bin/sh", "-c", script])
        let words = format.split(separator: " ")
        let version = words.count > 1 ? ["--sparse-version=\(words[1])"] : []
        try Command.run(
            ["/bin/tar", "-C", lab.folder.path, "--format=\(words[0])"] + version + ["-S", "-cf", archive, "sparse"])
        let summary = try lab.unpack(try Syscall.readFile(archive))
        #expect(try lab.status("sparse").size == 1 << 20)
        #expect(try Syscall.readFile("\(lab.root)/sparse") == Syscall.readFile(source))
        switch form {
        case .directory: #expect(try lab.status("sparse").blocks * 512 < 1 << 17)
        case .erofs: #expect(summary.bytes < 1 << 17)
        }
    }

    @Test(arguments: LayerForm.all, ["gnu", "pax", "ustar", "v7", "oldgnu"])
    func readsFormatsOfTar(form: LayerForm, format: String) throws {
        let lab = try LayerLab(form)
        let archive = "\(lab.folder.path)/x.tar"
        try Command.run(["/bin/tar", "--format=\(format)", "-C", "/etc", "-cf", archive, "passwd", "hosts"])
        try lab.unpack(try Syscall.readFile(archive))
        #expect(try Syscall.readFile("\(lab.root)/passwd") == Syscall.readFile("/etc/passwd"))
        #expect(try Syscall.status("/etc/hosts").permissions == lab.status("hosts").permissions)
    }

    @Test(arguments: LayerForm.all) func nothingIsAnEmptyLayer(form: LayerForm) throws {
        let lab = try LayerLab(form)
        try lab.unpack([])
        #expect(try lab.entries().isEmpty)
        let other = try LayerLab(form)
        try other.unpack(TarBuilder())
        #expect(try other.entries().isEmpty)
        #expect(try other.status(".").permissions == 0o755)
    }
}
