// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Archive
import Linux
import Testing
import TestSupport

/// Deletions, as overlayfs reads them and carried out at once.
@Suite(.requiresRoot) struct WhiteoutTests {
    let folder: TemporaryDirectory
    let root: String

    init() throws {
        folder = try TemporaryDirectory()
        root = "\(folder.path)/layer"
        try Syscall.makeDirectory(root)
    }

    @Test func overlayFormHasDevicesAndOpaqueDirectories() throws {
        var tar = TarBuilder()
        tar.add("etc/", type: "5", mode: 0o755)
        tar.add("etc/.wh.passwd")
        tar.add("var/", type: "5", mode: 0o755)
        tar.add("var/new", content: [1])
        tar.add("var/.wh.old")
        tar.add("var/.wh..wh..opq")
        tar.add(".wh..wh.plnk/1.2", content: [1])
        let summary = try unpack(tar, .overlay)
        #expect(try isDeletion("etc/passwd"))
        #expect(try Syscall.attribute("\(root)/var", "trusted.overlay.opaque") == Array("y".utf8))
        // Deletions in an opaque directory would be listed.
        #expect(try Syscall.entries("\(root)/var") == ["new"])
        #expect(try Set(Syscall.entries(root)) == ["etc", "var"])
        #expect(summary.inodes == 4)
    }

    /// Deletions mean the layers below, whatever their place in the archive.
    @Test(arguments: [true, false]) func sameLayerWins(deletionFirst: Bool) throws {
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
        try unpack(tar, .overlay)
        #expect(try Syscall.readText("\(root)/file") == "new")
        #expect(try Syscall.entries("\(root)/dir") == ["inside"])
        #expect(try Syscall.attribute("\(root)/dir", "trusted.overlay.opaque") == Array("y".utf8))
    }

    @Test func directoryImpliedBelowADeletionIsOpaque() throws {
        var tar = TarBuilder()
        tar.add(".wh.dir")
        tar.add("dir/inside", content: [1])
        try unpack(tar, .overlay)
        #expect(try Syscall.entries("\(root)/dir") == ["inside"])
        #expect(try Syscall.attribute("\(root)/dir", "trusted.overlay.opaque") == Array("y".utf8))
    }

    @Test(arguments: [true, false]) func flattenRemovesOnlyWhatIsFromBelow(deletionFirst: Bool) throws {
        var lower = TarBuilder()
        lower.add("gone", content: [1])
        lower.add("tree/deep/file", content: [1])
        lower.add("opaque/old", content: [1])
        lower.add("opaque/both", content: Array("old".utf8))
        lower.add("opaque/sub/old", content: [1])
        lower.add("replaced", content: Array("old".utf8))
        try unpack(lower, .flatten)
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
        try unpack(upper, .flatten)
        #expect(try Set(Syscall.entries(root)) == ["opaque", "replaced"])
        #expect(try Syscall.readText("\(root)/replaced") == "new")
        #expect(try Set(Syscall.entries("\(root)/opaque")) == ["both", "sub"])
        #expect(try Syscall.readText("\(root)/opaque/both") == "new")
        #expect(try Syscall.entries("\(root)/opaque/sub") == ["new"])
    }

    @discardableResult
    private func unpack(_ tar: TarBuilder, _ whiteout: Whiteout) throws -> LayerExtractor.Summary {
        try LayerExtractor(into: root, whiteout: whiteout).extract(LayerReader(MemorySource(tar.finished)))
    }

    private func isDeletion(_ path: String) throws -> Bool {
        let status = try Syscall.linkStatus("\(root)/\(path)")
        return status.kind == .character && status.deviceNumber == DeviceNumber(major: 0, minor: 0)
    }
}
