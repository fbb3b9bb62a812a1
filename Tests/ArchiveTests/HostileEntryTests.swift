// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Archive
import Linux
import Testing
import TestSupport

/// Entries that try to reach out of the layer, or to forge what only the store may write.
@Suite(.requiresRoot) struct HostileEntryTests {
    struct Attack: Sendable, CustomTestStringConvertible {
        var title: String
        var build: @Sendable (inout TarBuilder) -> Void
        /// The entry that the error names, and a part of its reason.
        var entry: String
        var reason: String
        var testDescription: String { title }
    }

    static let attacks: [Attack] = [
        Attack(
            title: "a name that climbs", build: { $0.add("../victim", content: [1]) }, entry: "../victim",
            reason: "climbs out"),
        Attack(
            title: "a name that climbs in the middle", build: { $0.add("a/../../victim", content: [1]) },
            entry: "a/../../victim", reason: "climbs out"),
        Attack(
            title: "an absolute name", build: { $0.add("/victim", content: [1]) }, entry: "/victim",
            reason: "absolute path"),
        Attack(
            title: "a directory that climbs", build: { $0.add("../", type: "5", mode: 0o777) }, entry: "../",
            reason: "climbs out"),
        Attack(
            title: "through a symbolic link that climbs",
            build: {
                $0.add("up", type: "2", link: "..")
                $0.add("up/victim", content: [1])
            }, entry: "up/victim", reason: "climbs out"),
        Attack(
            title: "through a chain of links that climbs",
            build: {
                $0.add("a/one", type: "2", link: "../two")
                $0.add("two", type: "2", link: "a/../../x")
                $0.add("a/one/victim", content: [1])
            }, entry: "a/one/victim", reason: "climbs out"),
        Attack(
            title: "a loop of links",
            build: {
                $0.add("one", type: "2", link: "two")
                $0.add("two", type: "2", link: "one")
                $0.add("one/victim", content: [1])
            }, entry: "one/victim", reason: "too many symbolic links"),
        Attack(
            title: "a hard link to a name that climbs", build: { $0.add("x", type: "1", link: "../victim") },
            entry: "x",
            reason: "climbs out"),
        Attack(
            title: "a hard link to an absolute name", build: { $0.add("x", type: "1", link: "/victim") }, entry: "x",
            reason: "absolute path"),
        Attack(
            title: "a hard link through a symbolic link that climbs",
            build: {
                $0.add("up", type: "2", link: "../")
                $0.add("x", type: "1", link: "up/victim")
            }, entry: "x", reason: "climbs out"),
        Attack(
            title: "a hard link to a directory",
            build: {
                $0.add("d/", type: "5")
                $0.add("x", type: "1", link: "d")
            }, entry: "x", reason: "directory"),
        Attack(
            title: "a hard link to nothing", build: { $0.add("x", type: "1", link: "missing") }, entry: "x",
            reason: "no \"missing\" to link to"),
        Attack(
            title: "a hard link to a name of two lines", build: { $0.add("x", type: "1", link: "mis\nsing") },
            entry: "x",
            reason: #"no "mis\nsing" to link to"#),
        Attack(
            title: "a file below a file of two lines",
            build: {
                $0.add("f\nf", content: [1])
                $0.add("f\nf/x", content: [1])
            }, entry: "f\nf/x", reason: #"a file is where "f\nf" must be"#),
        Attack(
            title: "a hard link to a deletion",
            build: {
                $0.add(".wh.gone")
                $0.add("x", type: "1", link: "gone")
            }, entry: "x", reason: "to link to"),
        Attack(
            title: "a forged deletion", build: { $0.add("etc/passwd", type: "3") }, entry: "etc/passwd",
            reason: "forged whiteout"),
        Attack(
            title: "a deletion of nothing", build: { $0.add("d/.wh.") }, entry: "d/.wh.", reason: "malformed whiteout"),
        Attack(
            title: "a deletion of the parent", build: { $0.add("d/.wh...") }, entry: "d/.wh...",
            reason: "malformed whiteout"),
        Attack(
            title: "a deletion that climbs", build: { $0.add("../.wh.victim") }, entry: "../.wh.victim",
            reason: "climbs out"),
        Attack(
            title: "a root that is a link", build: { $0.add("./", type: "2", link: "/tmp") }, entry: "./",
            reason: "replaces the root"),
        Attack(
            title: "a file below a file",
            build: {
                $0.add("f", content: [1])
                $0.add("f/x", content: [1])
            }, entry: "f/x", reason: "a file is where \"f\" must be a directory"),
        Attack(
            title: "a name without end",
            build: { $0.add(String(repeating: "a/", count: 3000) + "x", content: [1]) },
            entry: "a/a/a", reason: "the limit is 4096"),
    ]

    /// In every form, and into a directory that holds the layers below.
    @Test(arguments: attacks) func endsWithOneErrorThatNamesTheEntry(attack: Attack) throws {
        for form in LayerForm.all.map(Optional.some) + [nil] {
            let lab = try LayerLab(form ?? .directory)
            try AtomicFile.write("\(lab.folder.path)/victim", "untouched")
            var tar = TarBuilder()
            attack.build(&tar)
            let error = try #require(throws: ArchiveError.self) {
                if form != nil { return _ = try lab.unpack(tar.finished) }
                try Syscall.makeDirectory(lab.path)
                let extractor = try LayerExtractor(into: lab.path, whiteout: .flatten)
                try extractor.take(LayerReader(MemorySource(tar.finished)))
                _ = try extractor.finish(above: nil)
            }
            #expect(error.operation == "unpack entry")
            #expect(error.subject.hasPrefix(attack.entry))
            #expect(error.reason.contains(attack.reason), "\(error)")
            #expect(!error.description.contains("\n"))
            #expect(try Syscall.readText("\(lab.folder.path)/victim") == "untouched")
            #expect(try Set(Syscall.entries(lab.folder.path)) == ["layer", "victim"])
        }
    }

    /// A link that points out is no harm as long as nothing is written through it, and images have such links.
    @Test(arguments: LayerForm.all) func writesReplaceLinksInsteadOfFollowingThem(form: LayerForm) throws {
        let lab = try LayerLab(form)
        let folder = lab.folder
        try AtomicFile.write("\(folder.path)/victim", "untouched")
        var tar = TarBuilder()
        tar.add("x", type: "2", link: "../victim")
        tar.add("x", content: Array("mine".utf8), mode: 0o600)
        tar.add("y", type: "2", link: "\(folder.path)/victim")
        tar.add("z", type: "1", link: "y")
        tar.add("z", content: Array("mine".utf8), mode: 0o600, uid: 9)
        tar.add("d", type: "2", link: "..")
        tar.add("d/", type: "5", mode: 0o700, uid: 9)
        try lab.unpack(tar)
        let root = lab.root
        #expect(try Syscall.readText("\(folder.path)/victim") == "untouched")
        #expect(try Syscall.status("\(folder.path)/victim").uid == 0)
        #expect(try Syscall.readText("\(root)/x") == "mine")
        #expect(try Syscall.linkStatus("\(root)/y").isSymlink)
        #expect(try Syscall.readText("\(root)/z") == "mine")
        #expect(try Syscall.linkStatus("\(root)/d").isDirectory)
        #expect(try Syscall.status(folder.path).uid == 0)
    }
}
