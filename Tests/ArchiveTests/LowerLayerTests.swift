// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Archive
import Linux
import Testing
import TestSupport

/// What an archive leaves to the layers below it.
@Suite(.requiresRoot) struct LowerLayerTests {
    /// Directories, files and links as a base image has them.
    private func base(_ form: LayerForm) throws -> LayerLab {
        var tar = TarBuilder()
        tar.add("./", type: "5", mode: 0o711, uid: 9, modified: 11)
        tar.add("etc/", type: "5", mode: 0o2750, uid: 5, gid: 6, modified: 77, pax: [("SCHILY.xattr.user.d", [7])])
        tar.add("etc/file", content: Array("below".utf8), mode: 0o640, uid: 8, modified: 99)
        tar.add("usr/lib/", type: "5", mode: 0o755, gid: 3)
        tar.add("usr/lib/deep", content: Array("deep".utf8))
        tar.add("usr/lib/known/", type: "5", mode: 0o750, gid: 4, modified: 55)
        tar.add("lib", type: "2", link: "usr/lib")
        let lab = try LayerLab(form)
        try lab.unpack(tar)
        return lab
    }

    @Test(arguments: LayerForm.all) func impliedDirectoriesAreWhatTheyAreBelow(form: LayerForm) throws {
        var tar = TarBuilder()
        tar.add("etc/new", content: [1])
        tar.add("nowhere/new", content: [1])
        let (lab, base) = (try LayerLab(form), try base(form))
        let summary = try lab.unpack(tar, above: base.lower())
        #expect(summary.impliedDirectories == 2)
        #expect(try lab.status("etc").permissions == 0o2750)
        #expect(try lab.status("etc").uid == 5)
        #expect(try lab.status("etc").gid == 6)
        #expect(try lab.status("etc").modified.seconds == 77)
        #expect(try lab.attribute("etc", "user.d") == [7])
        #expect(try lab.status("nowhere").permissions == 0o755)
        // The root belongs to all layers of an image together.
        #expect(!summary.bringsRoot)
        #expect(try lab.status(".").permissions == 0o755)
        #expect(try lab.status(".").uid == 0)
        withExtendedLifetime(base) {}
    }

    @Test(arguments: LayerForm.all) func needsOnlyWhatTheArchiveDoesNotBring(form: LayerForm) throws {
        func needs(_ build: (inout TarBuilder) -> Void) throws -> Bool {
            var tar = TarBuilder()
            build(&tar)
            let lab = try LayerLab(form)
            let writer = try lab.writer()
            try writer.take(LayerReader(MemorySource(tar.finished)))
            return withExtendedLifetime(lab) { writer.needsLower }
        }
        #expect(try !needs { $0.add("./", type: "5", mode: 0o755) })
        #expect(try !needs { $0.add("a", content: [1]) })
        #expect(try needs { $0.add("d/a", content: [1]) })
        #expect(try needs { $0.add("a", type: "1", link: "b") })
        let complete = try needs {
            $0.add("d/a", content: [1])
            $0.add("d/", type: "5", mode: 0o755)
            $0.add("./", type: "5", mode: 0o755)
        }
        #expect(!complete)
        // What was replaced is needed no more.
        let replaced = try needs {
            $0.add("d/a", content: [1])
            $0.add("d", content: [1])
        }
        #expect(!replaced)
    }

    @Test(arguments: LayerForm.all) func hardLinksToFilesBelowAreCopies(form: LayerForm) throws {
        var tar = TarBuilder()
        tar.add("one", type: "1", link: "etc/file")
        tar.add("two", type: "1", link: "one")
        tar.add("three", type: "1", link: "lib")
        let (lab, base) = (try LayerLab(form), try base(form))
        try lab.unpack(tar, above: base.lower())
        #expect(try lab.text("one") == "below")
        #expect(try lab.status("one").permissions == 0o640)
        #expect(try lab.status("one").uid == 8)
        #expect(try lab.status("one").modified.seconds == 99)
        #expect(try lab.status("one").inode == lab.status("two").inode)
        #expect(try lab.status("one").links == 2)
        #expect(try lab.status("three").isSymlink)
        #expect(try lab.entries() == ["one", "two", "three"])
        withExtendedLifetime(base) {}
    }

    @Test(arguments: LayerForm.all) func hardLinksLeadThroughLinksBelow(form: LayerForm) throws {
        var tar = TarBuilder()
        tar.add("one", type: "1", link: "lib/deep")
        let (lab, base) = (try LayerLab(form), try base(form))
        try lab.unpack(tar, above: base.lower())
        #expect(try lab.text("one") == "deep")
        withExtendedLifetime(base) {}
    }

    /// A hole is a few bytes in an archive, and must not become a file that fills the disk.
    @Test(arguments: LayerForm.all) func copiesKeepTheirHoles(form: LayerForm) throws {
        let size = 8 << 30
        var below = TarBuilder()
        below.add(
            "file", content: [1, 2, 3],
            pax: [
                ("GNU.sparse.size", Array("\(size)".utf8)), ("GNU.sparse.numblocks", Array("1".utf8)),
                ("GNU.sparse.map", Array("1048576,3".utf8)),
            ])
        let base = try LayerLab(form)
        try base.unpack(below)
        var tar = TarBuilder()
        tar.add("one", type: "1", link: "file")
        let lab = try LayerLab(form)
        let summary = try lab.unpack(tar, above: base.lower())
        #expect(try lab.status("one").size == UInt64(size))
        #expect(summary.bytes < 64 << 20)
        let file = try Syscall.open("\(lab.root)/one", [.readOnly])
        #expect(try Syscall.read(file.rawValue, upTo: 8, at: 1_048_575) == [0, 1, 2, 3, 0, 0, 0, 0])
        // And it counts.
        var limits = UnpackLimits()
        limits.bytes = Int64(size) - 1
        let error = try #require(throws: ArchiveError.self) {
            try LayerLab(form).unpack(tar.finished, above: base.lower(), limits: limits)
        }
        #expect(error.code == .tooLarge)
        withExtendedLifetime(base) {}
    }

    /// Links to one file are one file, but for a name that the archive has given to another one since.
    @Test(arguments: LayerForm.all) func hardLinksToOneFileBelowAreOneFile(form: LayerForm) throws {
        var tar = TarBuilder()
        tar.add("one", type: "1", link: "etc/file")
        tar.add("two", type: "1", link: "etc/file")
        tar.add("three", type: "1", link: "etc/file")
        tar.add("d/gone", type: "1", link: "etc/file")
        tar.add("one", content: Array("other".utf8))
        tar.add("d", content: [1])
        let (lab, base) = (try LayerLab(form), try base(form))
        try lab.unpack(tar, above: base.lower())
        #expect(try lab.text("one") == "other")
        #expect(try lab.text("two") == "below")
        #expect(try lab.status("two").inode == lab.status("three").inode)
        #expect(try lab.status("two").links == 2)
        #expect(try !lab.status("d").isDirectory)
        withExtendedLifetime(base) {}
    }

    /// As when the archive is unpacked over the layers below.
    @Test(arguments: LayerForm.all) func impliedDirectoriesFollowLinksBelow(form: LayerForm) throws {
        var tar = TarBuilder()
        tar.add("lib/module/new", content: Array("new".utf8))
        tar.add("lib/other", content: [1])
        let (lab, base) = (try LayerLab(form), try base(form))
        try lab.unpack(tar, above: base.lower())
        #expect(try lab.entries() == ["usr"])
        #expect(try lab.entries("usr/lib") == ["module", "other"])
        #expect(try lab.text("usr/lib/module/new") == "new")
        #expect(try lab.status("usr/lib").gid == 3)
        withExtendedLifetime(base) {}
    }

    /// Also directories that no entry brought, and links that wait for files below, in what moves.
    @Test(arguments: LayerForm.all) func whatMovesIsPutRightToo(form: LayerForm) throws {
        var tar = TarBuilder()
        tar.add("lib/known/new", content: [1])
        tar.add("lib/one", type: "1", link: "etc/file")
        tar.add("lib/known/two", type: "1", link: "etc/file")
        tar.add("lib/module/three", type: "1", link: "lib/one")
        tar.add("usr/lib/module/", type: "5", mode: 0o700)
        let (lab, base) = (try LayerLab(form), try base(form))
        try lab.unpack(tar, above: base.lower())
        #expect(try lab.entries() == ["usr"])
        #expect(try lab.entries("usr/lib") == ["known", "module", "one"])
        #expect(try lab.entries("usr/lib/known") == ["new", "two"])
        for name in ["one", "known/two", "module/three"] {
            #expect(try lab.text("usr/lib/\(name)") == "below")
            #expect(try lab.status("usr/lib/\(name)").inode == (try lab.status("usr/lib/one").inode))
        }
        #expect(try lab.status("usr/lib/one").links == 3)
        let known = try lab.status("usr/lib/known")
        #expect(known.permissions == 0o750 && known.gid == 4 && known.modified.seconds == 55)
        #expect(try lab.status("usr/lib/module").permissions == 0o700)
        withExtendedLifetime(base) {}
    }
}
