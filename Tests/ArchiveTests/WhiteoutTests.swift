// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Archive
import Linux
import Testing
import TestSupport

/// Deletions, as overlayfs reads them and carried out at once.
@Suite(.requiresRoot) struct WhiteoutTests {
    @Test(arguments: LayerForm.all) func overlayFormHasDevicesAndOpaqueDirectories(form: LayerForm) throws {
        let lab = try LayerLab(form)
        var tar = TarBuilder()
        tar.add("etc/", type: "5", mode: 0o755)
        tar.add("etc/.wh.passwd")
        tar.add("var/", type: "5", mode: 0o755)
        tar.add("var/new", content: [1])
        tar.add("var/.wh.old")
        tar.add("var/.wh..wh..opq")
        tar.add(".wh..wh.plnk/1.2", content: [1])
        let summary = try lab.unpack(tar)
        #expect(try lab.isDeletion("etc/passwd"))
        #expect(lab.isOpaque("var"))
        // Deletions in an opaque directory would be listed.
        #expect(try lab.entries("var") == ["new"])
        #expect(try lab.entries() == ["etc", "var"])
        #expect(summary.inodes == (form == .erofs ? 1 : 5))
    }

    /// Deletions mean the layers below, whatever their place in the archive.
    @Test(arguments: LayerForm.all, [true, false]) func sameLayerWins(form: LayerForm, deletionFirst: Bool) throws {
        let lab = try LayerLab(form)
        var tar = TarBuilder()
        func deletions() {
            tar.add(".wh.file")
            tar.add(".wh.dir")
        }
        if deletionFirst { deletions() }
        tar.add("file", content: Array("new".utf8))
        tar.add("dir/", type: "5", mode: 0o755)
        tar.add("dir/inside", content: [1])
        if !deletionFirst { deletions() }
        try lab.unpack(tar)
        #expect(try lab.text("file") == "new")
        #expect(try lab.entries("dir") == ["inside"])
        #expect(lab.isOpaque("dir"))
    }

    @Test(arguments: LayerForm.all) func directoryImpliedBelowADeletionIsOpaque(form: LayerForm) throws {
        let lab = try LayerLab(form)
        var tar = TarBuilder()
        tar.add(".wh.dir")
        tar.add("dir/inside", content: [1])
        try lab.unpack(tar)
        #expect(try lab.entries("dir") == ["inside"])
        #expect(lab.isOpaque("dir"))
    }

    @Test(arguments: [true, false]) func flattenRemovesOnlyWhatIsFromBelow(deletionFirst: Bool) throws {
        let folder = try TemporaryDirectory()
        let root = folder.path
        func unpack(_ tar: TarBuilder) throws {
            let extractor = try LayerExtractor(into: root, whiteout: .flatten)
            try extractor.take(LayerReader(MemorySource(tar.finished)))
            _ = try extractor.finish(above: nil)
        }
        var lower = TarBuilder()
        lower.add("gone", content: [1])
        lower.add("tree/deep/file", content: [1])
        lower.add("opaque/old", content: [1])
        lower.add("opaque/both", content: Array("old".utf8))
        lower.add("opaque/sub/old", content: [1])
        lower.add("replaced", content: Array("old".utf8))
        try unpack(lower)
        var upper = TarBuilder()
        func deletions() {
            upper.add(".wh.gone")
            upper.add(".wh.tree")
            upper.add(".wh.replaced")
            upper.add(".wh.never-was")
            upper.add("opaque/.wh..wh..opq")
        }
        if deletionFirst { deletions() }
        upper.add("replaced", content: Array("new".utf8))
        upper.add("opaque/both", content: Array("new".utf8))
        upper.add("opaque/sub/new", content: [1])
        if !deletionFirst { deletions() }
        try unpack(upper)
        #expect(try Set(Syscall.entries(root)) == ["opaque", "replaced"])
        #expect(try Syscall.readText("\(root)/replaced") == "new")
        #expect(try Set(Syscall.entries("\(root)/opaque")) == ["both", "sub"])
        #expect(try Syscall.readText("\(root)/opaque/both") == "new")
        #expect(try Syscall.entries("\(root)/opaque/sub") == ["new"])
    }
}
