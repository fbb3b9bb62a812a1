// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

@testable import Archive

/// What is remembered of a tree while it is unpacked.
@Suite struct DirectoryNotesTests {
    private let folder: TemporaryDirectory
    private let notes: DirectoryNotes
    private let time = Timestamp(seconds: 7, nanoseconds: 8)

    init() throws {
        folder = try TemporaryDirectory()
        notes = try DirectoryNotes(in: folder.path)
    }

    private func path(_ text: String) -> EntryPath { EntryPath(steps: EntryPath.steps(of: Array(text.utf8))) }

    private func all<Value>(_ body: (Int) throws -> Value?) throws -> [Value] { try (0..<notes.count).compactMap(body) }

    @Test func directoriesAreMadeAndBrought() throws {
        try notes.made(path("a"), hides: false)
        try notes.made(path("a/b"), hides: true)
        #expect(try notes.needsLower())
        #expect(try all { try notes.implied($0) } == [path("a")])
        #expect(try !notes.brought(path("a/b"), time))
        #expect(try !notes.brought(path("a/b"), time))
        #expect(try all { try notes.implied($0) } == [path("a")])
        #expect(try all { try notes.hiding($0) } == [path("a/b")])
        #expect(try all { try notes.time($0)?.path } == [path("a/b")])
        #expect(try all { try notes.time($0)?.modified } == [time])
        #expect(try notes.rootIsImplied())
        #expect(try notes.brought(.root, time))
        #expect(try !notes.rootIsImplied())
    }

    @Test func whatIsRemovedIsForgotten() throws {
        try notes.made(path("a/b"), hides: true)
        try notes.set(time, of: path("a/b/c"))
        try notes.wait([1], for: path("file"), at: path("a/b/link"), inode: 1)
        try notes.forget(path("a/missing"))
        #expect(try all { try notes.time($0) }.count == 2)
        try notes.forget(path("a"))
        #expect(try all { try notes.implied($0) }.isEmpty)
        #expect(try all { try notes.hiding($0) }.isEmpty)
        #expect(try all { try notes.time($0) }.isEmpty)
        try notes.made(path("a/b"), hides: false)
        #expect(try all { try notes.implied($0) } == [path("a/b")])
        #expect(try all { try notes.hiding($0) }.isEmpty)
        var places: [EntryPath?] = []
        try notes.visitLinks { places.append($0.place) }
        #expect(places == [nil])
    }

    @Test func whatMovesKeepsItsTime() throws {
        let earlier = Timestamp(seconds: 1, nanoseconds: 1)
        #expect(try notes.brought(path("lib/a/b"), time))
        for name in ["both", "implied"] { #expect(try notes.brought(path("lib/\(name)"), time)) }
        #expect(try notes.brought(path("usr/lib/both"), earlier))
        try notes.made(path("usr/lib/implied"), hides: false)
        #expect(try notes.merging(path("lib/implied"), into: path("usr/lib/implied")) == (true, false))
        #expect(try notes.merging(path("lib/both"), into: path("usr/lib/both")) == (false, false))
        try notes.move(path("lib"), to: path("usr/lib"))
        let times = try all { try notes.time($0) }
        #expect(Set(times.map(\.path)) == [path("usr/lib/a/b"), path("usr/lib/both"), path("usr/lib/implied")])
        #expect(times.allSatisfy { $0.modified == ($0.path == path("usr/lib/both") ? earlier : time) })
        #expect(try all { try notes.implied($0) }.isEmpty)
    }

    @Test func linksAreFoundByWhatIsInTheirPlace() throws {
        try notes.wait([1], for: path("etc/file"), at: path("one"), inode: 7)
        try notes.wait([2], for: path("etc/file"), at: path("d/two"), inode: 8)
        try notes.wait([3], for: path("other"), at: path("one"), inode: 7)
        #expect(try notes.target(of: 7) == path("other"))
        #expect(try notes.target(of: 8) == path("etc/file"))
        #expect(try notes.target(of: 9) == nil)
        try notes.move(path("d"), to: path("e"))
        var found: [DirectoryNotes.Link] = []
        var copies: [EntryPath?] = []
        try notes.visitLinks {
            found.append($0)
            copies.append(try notes.copy(of: $0.target))
            if copies.last == .some(nil), found.count > 1 { try notes.copied($0) }
        }
        #expect(found.map(\.name) == [[1], [2], [3]])
        #expect(found.map(\.target) == [path("etc/file"), path("etc/file"), path("other")])
        #expect(found.map(\.place) == [path("one"), path("e/two"), path("one")])
        #expect(copies == [nil, nil, nil])
        #expect(try notes.copy(of: path("etc/file")) == path("e/two"))
    }

    @Test func checksumsAreFoundByInode() throws {
        for inode in 0..<UInt64(3000) { try notes.set(content: inode &* 0x9E37_79B9_7F4A_7C15, of: inode << 20) }
        let found = try (0..<UInt64(3000)).allSatisfy {
            try notes.content(of: $0 << 20) == $0 &* 0x9E37_79B9_7F4A_7C15
        }
        #expect(found)
        #expect(try notes.content(of: 1) == nil)
    }
}
