// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Archive
import Linux
import Testing
import TestSupport

/// Archives that were made to fill disk or memory.
@Suite(.requiresRoot) struct UnpackLimitTests {
    private func error(
        _ form: LayerForm, _ limits: UnpackLimits, _ build: (inout TarBuilder) -> Void
    ) throws -> ArchiveError {
        var tar = TarBuilder()
        build(&tar)
        let error = try #require(throws: ArchiveError.self) {
            try LayerLab(form).unpack(tar.finished, limits: limits)
        }
        #expect(error.code == .tooLarge, "\(error)")
        return error
    }

    @Test(arguments: LayerForm.all) func limitsAreErrorsThatNameThem(form: LayerForm) throws {
        func build(_ tar: inout TarBuilder) {
            tar.add("dir/", type: "5", mode: 0o755)
            tar.add("dir/file", content: Array(repeating: 7, count: 700))
            tar.add("dir/link", type: "2", link: "file")
        }
        var limits = UnpackLimits()
        limits.entries = 2
        #expect(try error(form, limits, build).reason == "it has more than 2 entries")
        limits = UnpackLimits()
        limits.bytes = 699
        let second = try error(form, limits, build)
        #expect(second.subject == "dir/file")
        #expect(second.reason == "the files of the layer have more than 699 bytes together")
    }

    /// One entry may stand for two thousand directories.
    @Test(arguments: LayerForm.all) func impliedDirectoriesCountToo(form: LayerForm) throws {
        var limits = UnpackLimits()
        limits.entries = 1000
        let found = try error(form, limits) { tar in
            for number in 0..<6 { tar.add("\(number)/" + String(repeating: "a/", count: 200) + "x", content: [1]) }
        }
        #expect(found.reason == "it has more than 1000 entries")
    }

    /// Also through links, each of which begins where the one before ends.
    @Test(arguments: LayerForm.all, [false, true]) func directoriesInEachOtherAreLimited(
        form: LayerForm, isBrought: Bool
    ) throws {
        let steps = String(repeating: "d/", count: 100)
        let found = try error(form, UnpackLimits()) { tar in
            tar.add("l0/", type: "5", mode: 0o755)
            for number in 1...4 {
                if isBrought {
                    for depth in 1...100 {
                        tar.add("l\(number - 1)/" + String(repeating: "d/", count: depth), type: "5", mode: 0o755)
                    }
                }
                tar.add("l\(number - 1)/\(steps)x", content: [1])
                tar.add("l\(number)", type: "2", link: "l\(number - 1)/\(steps)")
            }
        }
        #expect(found.reason == "it is in more than 256 directories, one in the other")
        #expect(found.subject.hasPrefix("l2/d/"))
    }

    /// The limit itself is no limit for what is below a layer.
    @Test(arguments: LayerForm.all) func directoriesInEachOtherMayBeMany(form: LayerForm) throws {
        let lab = try LayerLab(form)
        var tar = TarBuilder()
        tar.add(String(repeating: "d/", count: 256) + "x", content: [7])
        try lab.unpack(tar)
        #expect(try lab.status(String(repeating: "d/", count: 256) + "x").size == 1)
    }

    /// What stays in memory until the layer is complete compresses to nothing.
    @Test(arguments: LayerForm.all) func memoryIsLimited(form: LayerForm) throws {
        var limits = UnpackLimits()
        limits.memory = 1 << 20
        let reason = "its names and links take more than 1048576 bytes of memory"
        let long = String(repeating: "t", count: 4000)
        let deep = try error(form, limits) { tar in
            for number in 0..<8 { tar.add("\(number)/" + String(repeating: "d/", count: 200) + "x", content: [1]) }
        }
        #expect(deep.reason == reason)
        let links = try error(form, limits) { tar in
            for number in 0..<300 { tar.add("l\(number)", type: "2", link: long) }
        }
        #expect(links.reason == reason)
        let waiting = try error(form, limits) { tar in
            for number in 0..<300 {
                tar.add("h\(number)", type: "1", link: "\(number)/" + String(repeating: "t/", count: 1900))
            }
        }
        #expect(waiting.reason == reason)
        guard form == .erofs else { return }
        let attributes = try error(form, limits) { tar in
            for number in 0..<300 {
                tar.add("d\(number)/", type: "5", pax: [("SCHILY.xattr.user.a", Array(long.utf8))])
            }
        }
        #expect(attributes.reason == reason)
    }

    @Test(arguments: LayerForm.all) func attributesOfAnEntryAreCounted(form: LayerForm) throws {
        let found = try error(form, UnpackLimits()) { tar in
            tar.add("file", pax: (0...1024).map { ("SCHILY.xattr.user.\($0)", [1]) })
        }
        #expect(found.reason == "an entry has more than 1024 attributes")
    }

    /// A megabyte of zeros is a kilobyte of gzip.
    @Test func refusesWhatWasMadeToFillTheDisk() throws {
        let packed = try DecompressorTests.pack(Array(repeating: 0, count: 1 << 22), "gzip")
        var limits = UnpackLimits()
        limits.ratioFrom = 1 << 20
        func read(_ limits: UnpackLimits) throws {
            let source = Decompressor(MemorySource(packed), limits: limits)
            while try !source.nextBlock().isEmpty {}
        }
        let error = try #require(throws: ArchiveError.self) { try read(limits) }
        #expect(error.code == .tooLarge)
        #expect(error.reason == "it unpacks to more than 400 times its size")
        limits.ratio = 2000
        try read(limits)
    }

    /// A header of a megabyte is not much, and many of them are.
    @Test(.timeLimit(.minutes(1))) func refusesManyExtendedHeadersForOneEntry() throws {
        var tar = TarBuilder()
        for number in 0..<40 {
            let value = [UInt8](repeating: 0x61, count: 60_000)
            let records = TarBuilder.record("SCHILY.xattr.user.\(number)", value)
            tar.add("PaxHeaders/\(number)", type: "x", content: records)
        }
        tar.add("file", content: [1])
        let error = try #require(throws: ArchiveError.self) {
            try LayerReader(MemorySource(tar.finished)).next()
        }
        #expect(error.code == .tooLarge)
        #expect(error.reason == "the extended headers of an entry have more than 1048576 bytes together")
    }

    @Test(arguments: [1 << 18 + 1, 1 << 40]) func refusesMapsWithoutEnd(pieces: Int) throws {
        var tar = TarBuilder()
        let map = Array("\(pieces)\n".utf8) + [UInt8](repeating: UInt8(ascii: "\n"), count: 4096)
        func number(_ value: Int) -> [UInt8] { Array("\(value)".utf8) }
        tar.add(
            "file", content: map,
            pax: [
                ("GNU.sparse.major", number(1)), ("GNU.sparse.minor", number(0)),
                ("GNU.sparse.realsize", number(1 << 40)),
            ])
        let error = try #require(throws: ArchiveError.self) {
            try LayerReader(MemorySource(tar.finished)).next()
        }
        #expect(error.code == .tooLarge)
        #expect(error.reason == "the map of a sparse file has more than 262144 pieces")
    }

    @Test func refusesExtendedHeadersWithoutEnd() throws {
        var tar = TarBuilder()
        tar.add("file", pax: [("comment", Array(repeating: 0x61, count: 1 << 20))])
        let error = try #require(throws: ArchiveError.self) {
            try LayerReader(MemorySource(tar.finished)).next()
        }
        #expect(error.code == .tooLarge)
    }
}
