// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Archive
import Linux
import Testing
import TestSupport

/// Deletions, as overlayfs reads them.
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

    /// Deletions below it say nothing, and would be listed as files.
    @Test(arguments: LayerForm.all) func deletionsBelowADirectoryMadeAnewAreNotListed(form: LayerForm) throws {
        let lab = try LayerLab(form)
        var tar = TarBuilder()
        tar.add(".wh.implied")
        tar.add("implied/.wh.old")
        tar.add("implied/new", content: [1])
        tar.add("link", type: "2", link: "real")
        tar.add("link/.wh.old")
        tar.add("real/.wh..wh..opq")
        try lab.unpack(tar)
        #expect(try lab.entries("implied") == ["new"])
        #expect(lab.isOpaque("implied"))
        #expect(try lab.entries("real").isEmpty)
        #expect(lab.isOpaque("real"))
    }
}
