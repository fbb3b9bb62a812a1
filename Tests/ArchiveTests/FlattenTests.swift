// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Archive
import Linux
import Testing
import TestSupport

/// Layers that are unpacked over each other into one directory.
@Suite(.requiresRoot) struct FlattenTests {
    let folder: TemporaryDirectory
    private var root: String { folder.path }

    init() throws { folder = try TemporaryDirectory() }

    private func unpack(_ build: (inout TarBuilder) -> Void) throws {
        var tar = TarBuilder()
        build(&tar)
        let extractor = try LayerExtractor(into: root, whiteout: .flatten)
        try extractor.take(LayerReader(MemorySource(tar.finished)))
        _ = try extractor.finish(above: nil)
    }

    @Test(arguments: [true, false]) func deletionsRemoveOnlyWhatIsFromBelow(deletionFirst: Bool) throws {
        try unpack { lower in
            lower.add("gone", content: [1])
            lower.add("tree/deep/file", content: [1])
            lower.add("opaque/old", content: [1])
            lower.add("opaque/both", content: Array("old".utf8))
            lower.add("opaque/sub/old", content: [1])
            lower.add("replaced", content: Array("old".utf8))
        }
        try unpack { upper in
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
        }
        #expect(try Set(Syscall.entries(root)) == ["opaque", "replaced"])
        #expect(try Syscall.readText("\(root)/replaced") == "new")
        #expect(try Set(Syscall.entries("\(root)/opaque")) == ["both", "sub"])
        #expect(try Syscall.readText("\(root)/opaque/both") == "new")
        #expect(try Syscall.entries("\(root)/opaque/sub") == ["new"])
    }

    /// A file that is moved by a hard link and a deletion keeps its new name alone.
    @Test func aLinkDoesNotKeepTheNameBelow() throws {
        try unpack { $0.add("d/old", content: Array("content".utf8)) }
        try unpack {
            $0.add("d/new", type: "1", link: "d/old")
            $0.add("d/again", type: "1", link: "d/new")
            $0.add("d/.wh.old")
        }
        #expect(try Set(Syscall.entries("\(root)/d")) == ["new", "again"])
        #expect(try Syscall.readText("\(root)/d/new") == "content")
    }

    /// As where the layers are over each other: a directory that is brought again is wholly what the upper layer says.
    @Test func aDirectoryHasTheAttributesOfItsLastEntry() throws {
        try unpack {
            $0.add("./", type: "5", pax: [("SCHILY.xattr.user.root", [1])])
            $0.add("d/", type: "5", pax: [("SCHILY.xattr.user.old", [1])])
            $0.add("kept/", type: "5", pax: [("SCHILY.xattr.user.old", [1])])
        }
        try unpack {
            $0.add("./", type: "5")
            $0.add("d/", type: "5", pax: [("SCHILY.xattr.user.new", [2])])
            $0.add("kept/file", content: [1])
        }
        #expect(try Syscall.attributeNames("\(root)/d") == ["user.new"])
        #expect(try Syscall.attributeNames("\(root)/kept") == ["user.old"])
        #expect(try Syscall.attributeNames(root).isEmpty)
    }
}
