// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Archive
import Linux
import Testing
import TestSupport

/// Names that lead through links, of the layer itself and of the layers below it, and hard links that wait for those.
@Suite(.requiresRoot) struct LinkedLayerTests {
    private func base(_ form: LayerForm) throws -> LayerLab {
        var tar = TarBuilder()
        tar.add("etc/", type: "5", mode: 0o2750, uid: 5, gid: 6, modified: 77)
        tar.add("etc/file", content: Array("below".utf8), modified: 99)
        tar.add("etc/other", content: Array("other".utf8))
        tar.add("usr/lib/", type: "5", mode: 0o755, gid: 3)
        tar.add("usr/lib/known/", type: "5", mode: 0o750, gid: 4, modified: 55)
        tar.add("lib", type: "2", link: "usr/lib")
        let lab = try LayerLab(form)
        try lab.unpack(tar)
        return lab
    }

    /// Unpacks above the base.
    private func unpack(_ form: LayerForm, _ build: (inout TarBuilder) -> Void) throws -> LayerLab {
        var tar = TarBuilder()
        build(&tar)
        let (lab, base) = (try LayerLab(form), try base(form))
        try lab.unpack(tar, above: base.lower())
        return withExtendedLifetime(base) { lab }
    }

    private func reason(_ form: LayerForm, _ build: (inout TarBuilder) -> Void) throws -> String {
        try #require(throws: ArchiveError.self) { try unpack(form, build) }.reason
    }

    // MARK: Links of the layer

    @Test(arguments: LayerForm.all) func directoriesAreDescribedThroughLinks(form: LayerForm) throws {
        let lab = try unpack(form) { tar in
            tar.add("real/", type: "5")
            tar.add("link", type: "2", link: "real")
            tar.add("link/d/", type: "5", mode: 0o700, uid: 7, modified: 55)
            tar.add("real/d/file", content: [1])
            tar.add("link/gone/", type: "5", mode: 0o700, modified: 66)
            tar.add("real/gone", content: [1])
        }
        let directory = try lab.status("real/d")
        #expect(directory.permissions == 0o700 && directory.uid == 7 && directory.modified.seconds == 55)
        #expect(try lab.status("real/gone").size == 1)
        #expect(try lab.status("link").isSymlink)
    }

    @Test(arguments: LayerForm.all) func directoriesAreHiddenThroughLinks(form: LayerForm) throws {
        let lab = try unpack(form) { tar in
            tar.add("alias", type: "2", link: "usr/lib")
            tar.add("alias/known/.wh..wh..opq")
            tar.add("alias/known/file", content: [1])
            tar.add("alias/.wh.gone")
        }
        #expect(lab.isOpaque("usr/lib/known"))
        #expect(try lab.entries("usr/lib") == ["known", "gone"])
        #expect(try lab.isDeletion("usr/lib/gone"))
        let known = try lab.status("usr/lib/known")
        #expect(known.permissions == 0o750 && known.gid == 4 && known.modified.seconds == 55)
    }

    @Test(arguments: LayerForm.all) func hardLinksWaitBehindLinks(form: LayerForm) throws {
        let lab = try unpack(form) { tar in
            tar.add("real/", type: "5")
            tar.add("link", type: "2", link: "real")
            tar.add("alias", type: "2", link: "/etc")
            tar.add("link/one", type: "1", link: "etc/file")
            tar.add("link/two", type: "1", link: "alias/file")
            tar.add("link/three", type: "1", link: "real/one")
        }
        #expect(try lab.entries("real") == ["one", "two", "three"])
        #expect(try lab.text("real/two") == "below")
        #expect(try lab.status("real/one").links == 3)
        #expect(try lab.status("link").isSymlink && lab.status("alias").isSymlink)
    }

    @Test(arguments: LayerForm.all) func linksToThemselvesThroughLinksChangeNothing(form: LayerForm) throws {
        let lab = try unpack(form) { tar in
            tar.add("real/file", content: Array("here".utf8))
            tar.add("link", type: "2", link: "real")
            tar.add("link/file", type: "1", link: "real/file")
            tar.add("etc/file", type: "1", link: "etc/file")
        }
        #expect(try lab.text("real/file") == "here")
        #expect(try lab.text("etc/file") == "below")
    }

    // MARK: Links that wait

    @Test(arguments: LayerForm.all) func lastLinkOfANameWins(form: LayerForm) throws {
        let lab = try unpack(form) { tar in
            tar.add("one", type: "1", link: "etc/file")
            tar.add("two", type: "1", link: "one")
            tar.add("one", type: "1", link: "etc/other")
            tar.add("one/", type: "5")
            tar.add("one", type: "1", link: "etc/other")
        }
        #expect(try lab.text("one") == "other")
        #expect(try lab.text("two") == "below")
        #expect(try lab.status("one").links == 1)
    }

    /// What has the name of one that waits is a file already.
    @Test(arguments: LayerForm.all) func linksThatWaitAreFiles(form: LayerForm) throws {
        let below = try reason(form) { tar in
            tar.add("one", type: "1", link: "etc/file")
            tar.add("one/file", content: [1])
        }
        #expect(below == #"a file is where "one" must be a directory"#)
        let lab = try unpack(form) { tar in
            tar.add("usr/lib/a", type: "1", link: "etc/file")
            tar.add("lib/a", content: [1])
            tar.add("lib/b", type: "1", link: "etc/other")
            tar.add("usr/lib/b", content: Array("here".utf8))
            tar.add("hold", type: "1", link: "etc/other")
            tar.add("etc", type: "1", link: "hold")
            tar.add("deleted", type: "1", link: "usr/lib/a")
            tar.add(".wh.deleted")
        }
        #expect(try lab.entries() == ["usr", "deleted", "hold", "etc"])
        #expect(try lab.text("etc") == "other")
        #expect(try lab.text("usr/lib/a") == "below")
        #expect(try lab.text("usr/lib/b") == "here")
        #expect(try lab.text("deleted") == "below")
    }

    /// As where the archive is unpacked over the layers below, whatever comes later.
    @Test(arguments: LayerForm.all) func linksToNothingAreErrors(form: LayerForm) throws {
        func isRefused(_ target: String, _ build: (inout TarBuilder) -> Void) throws {
            #expect(try reason(form, build) == #"there is no "\#(target)" to link to"#)
        }
        try isRefused("missing") { tar in
            tar.add("one", type: "1", link: "missing")
            tar.add("one", content: [1])
        }
        try isRefused("missing") { tar in
            tar.add("d/one", type: "1", link: "missing")
            tar.add("d", content: [1])
        }
        try isRefused("etc/file") { tar in
            tar.add(".wh.etc")
            tar.add("one", type: "1", link: "etc/file")
        }
        try isRefused("d/file") { tar in
            tar.add("d/file", content: [1])
            tar.add("d", type: "1", link: "d/file")
        }
        try isRefused("d/one") { tar in
            tar.add("d/one", type: "1", link: "etc/file")
            tar.add("d", type: "1", link: "d/one")
        }
        try isRefused("etc/file") { tar in
            tar.add("etc/new", content: [1])
            tar.add("etc", type: "1", link: "etc/file")
        }
    }

    // MARK: Links below

    /// What was deleted and is made anew has nothing of what it was.
    @Test(arguments: LayerForm.all) func whatIsMadeAnewIsNotWhatItWas(form: LayerForm) throws {
        let lab = try unpack(form) { tar in
            tar.add(".wh.etc")
            tar.add("etc/new", content: [1])
            tar.add(".wh.lib")
            tar.add("lib/new", content: [1])
        }
        #expect(try lab.entries() == ["etc", "lib"])
        #expect(lab.isOpaque("etc") && lab.isOpaque("lib"))
        let etc = try lab.status("etc")
        #expect(etc.permissions == 0o755 && etc.uid == 0 && etc.gid == 0 && etc.modified.seconds == 0)
    }

    /// A directory that the archive brings by the one name is not what it is below, by the other neither.
    @Test(arguments: LayerForm.all) func whatMovesIsDescribedByItsEntry(form: LayerForm) throws {
        let lab = try unpack(form) { tar in
            tar.add("usr/lib/known/file", content: [1])
            tar.add(
                "lib/known/", type: "5", mode: 0o711, uid: 8, modified: 66,
                pax: [("SCHILY.xattr.user.k", [1]), ("SCHILY.xattr.user.trailer", [2, 3])])
            tar.add("lib/known/.wh..wh..opq")
            tar.add("lib/known/.wh.old")
            tar.add("lib/known/new", content: [1])
        }
        #expect(try lab.entries() == ["usr"])
        #expect(try lab.entries("usr/lib/known") == ["file", "new"])
        let known = try lab.status("usr/lib/known")
        #expect(known.permissions == 0o711 && known.uid == 8 && known.gid == 0 && known.modified.seconds == 66)
        #expect(try lab.attribute("usr/lib/known", "user.trailer") == [2, 3])
        #expect(lab.isOpaque("usr/lib/known"))
    }

    /// A link below may lead to the directory that it is in.
    @Test(arguments: LayerForm.all) func whatMovesMayLeadBackToItself(form: LayerForm) throws {
        let base = try LayerLab(form)
        var below = TarBuilder()
        below.add("b/", type: "5")
        below.add("b/c", type: "2", link: "/b")
        below.add("b/d/e", type: "2", link: "/b")
        try base.unpack(below)
        let lab = try LayerLab(form)
        var tar = TarBuilder()
        tar.add("b/", type: "5")
        tar.add("b/c/c/a", content: [1])
        tar.add("b/c/c/h", content: [2])
        tar.add("b/d/e/d/e/g", content: [3])
        try lab.unpack(tar, above: base.lower())
        #expect(try lab.entries("b") == ["a", "h", "d", "g"])
        #expect(try lab.entries("b/d").isEmpty)
        withExtendedLifetime(base) {}
    }

    /// A name that the layer deletes where the link leads: what it brings wins, as it does without the link.
    @Test(arguments: LayerForm.all) func whatMovesWinsOverDeletions(form: LayerForm) throws {
        let lab = try unpack(form) { tar in
            tar.add("usr/lib/.wh.known")
            tar.add("usr/lib/.wh.file")
            tar.add("lib/known/new", content: [1])
            tar.add("lib/file", content: [1])
            tar.add("lib/one/two/three", type: "1", link: "etc/file")
            tar.add("usr/lib/one", content: [1])
        }
        #expect(try lab.entries("usr/lib") == ["known", "file", "one"])
        #expect(try lab.entries("usr/lib/known") == ["new"])
        #expect(lab.isOpaque("usr/lib/known"))
        #expect(try lab.status("usr/lib/file").size == 1 && lab.status("usr/lib/one").size == 1)
    }

    // MARK: Long ways

    /// A few bytes that lead through thousands of directories, over and over.
    @Test(arguments: LayerForm.all) func waysThroughLinksAreLimited(form: LayerForm) throws {
        func links(_ tar: inout TarBuilder) {
            tar.add("d/", type: "5")
            for number in 0..<10 {
                let next = number == 0 ? "d/" : "l\(number - 1)/"
                tar.add("l\(number)", type: "2", link: String(repeating: "d/../", count: 700) + next)
            }
        }
        var limits = UnpackLimits()
        limits.links = 300_000
        func isRefused(_ tar: TarBuilder, above below: LowerTree? = nil) throws {
            let error = try #require(throws: ArchiveError.self) {
                try LayerLab(form).unpack(tar.finished, above: below, limits: limits)
            }
            let reason = "its names lead through symbolic links with more than 300000 bytes together"
            #expect(error.code == .tooLarge && error.reason == reason)
            // Without that limit it is good.
            try LayerLab(form).unpack(tar.finished, above: below)
        }
        var (own, ownTargets) = (TarBuilder(), TarBuilder())
        links(&own)
        links(&ownTargets)
        var (below, directories, targets) = (TarBuilder(), TarBuilder(), TarBuilder())
        links(&below)
        for number in 0..<10 {
            own.add("l9/\(number)/file", content: [1])
            ownTargets.add("d/\(number)", content: [1])
            ownTargets.add("\(number)", type: "1", link: "l9/\(number)")
            below.add("d/\(number)/file", content: [1])
            below.add("m\(number)", type: "2", link: "l9")
            directories.add("m\(number)/file", content: [1])
            targets.add("\(number)", type: "1", link: "l9/\(number)/file")
        }
        try isRefused(own)
        try isRefused(ownTargets)
        let base = try LayerLab(form)
        try base.unpack(below)
        try isRefused(directories, above: base.lower())
        try isRefused(targets, above: base.lower())
        withExtendedLifetime(base) {}
    }
}
