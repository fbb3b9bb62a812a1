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
        #expect(try notes.brought(path("a/b"), time))
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
        try notes.wait(DirectoryNotes.Link(name: [1], target: path("file"), place: path("a/b/link")))
        try notes.forget(path("a/missing"))
        #expect(try all { try notes.time($0) }.count == 1)
        try notes.forget(path("a"))
        #expect(try all { try notes.implied($0) }.isEmpty)
        #expect(try all { try notes.hiding($0) }.isEmpty)
        #expect(try all { try notes.time($0) }.isEmpty)
        try notes.made(path("a/b"), hides: false)
        #expect(try all { try notes.implied($0) } == [path("a/b")])
        #expect(try all { try notes.hiding($0) }.isEmpty)
        var links = 0
        try notes.visitLinks { _ in links += 1 }
        #expect(links == 0)
    }

    @Test func whatMovesKeepsItsTime() throws {
        try notes.set(time, of: path("lib/a/b"))
        try notes.set(time, of: path("lib/both"))
        try notes.set(Timestamp(seconds: 1, nanoseconds: 1), of: path("usr/lib/both"))
        try notes.move(path("lib"), to: path("usr/lib"))
        let times = try all { try notes.time($0) }
        #expect(Set(times.map(\.path)) == [path("usr/lib/a/b"), path("usr/lib/both")])
        #expect(times.allSatisfy { $0.modified == time })
    }

    @Test func linksToLinksLeadToTheFile() throws {
        try notes.wait(DirectoryNotes.Link(name: [1], target: path("etc/file"), place: path("one")))
        try notes.wait(DirectoryNotes.Link(name: [2], target: path("one"), place: path("d/two")))
        try notes.wait(DirectoryNotes.Link(name: [3], target: path("other"), place: path("three")))
        var found: [DirectoryNotes.Link] = []
        var copies: [EntryPath?] = []
        try notes.visitLinks {
            found.append($0)
            copies.append(try notes.copy(of: $0))
        }
        #expect(found.map(\.name) == [[1], [2], [3]])
        #expect(found.map(\.target) == [path("etc/file"), path("etc/file"), path("other")])
        #expect(found.map(\.place) == [path("one"), path("d/two"), path("three")])
        #expect(copies == [nil, path("one"), nil])
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
