// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

@Suite struct DirectoryEntriesTests {
    private let folder: TemporaryDirectory
    private let directory: SharedFD

    init() throws {
        folder = try TemporaryDirectory()
        directory = SharedFD(try Syscall.open(folder.path, .directory))
    }

    private func make(_ name: RawName) throws {
        try Syscall.open(name, [.writeOnly, .create, .exclusive], at: directory.rawValue).close()
    }

    @Test func areNoneInAnEmptyDirectory() throws {
        var entries = DirectoryEntries(of: directory.rawValue)
        #expect(try entries.next() == nil)
        #expect(try entries.next() == nil)
    }

    @Test func areAllButTheDirectoryItselfAndTheOneAbove() throws {
        let names =
            ["...", "..a", ".a", "..\u{1}", "a", String(repeating: "n", count: 255)].map { RawName($0) }
            + [RawName([46, 0xff]), RawName([0xff, 0xfe])]
        for name in names { try make(name) }
        var entries = DirectoryEntries(of: directory.rawValue)
        var found: Set<RawName> = []
        while let name = try entries.next() { #expect(found.insert(name).inserted) }
        #expect(found == Set(names))
        let again = try Syscall.open(".", .directory, at: directory.rawValue)
        #expect(try Set(Syscall.rawEntries(of: again.rawValue)) == found)
    }

    /// More than the kernel gives at once, each gone as soon as it is named.
    @Test func mayBeRemovedMeanwhile() throws {
        for number in 0..<3000 {
            try make(RawName("a name of some length, so that there are several parts, \(number)"))
        }
        var entries = DirectoryEntries(of: directory.rawValue)
        var count = 0
        while let name = try entries.next() {
            try Syscall.removeFile(name, at: directory.rawValue)
            count += 1
        }
        #expect(count == 3000)
        #expect(try Syscall.entries(folder.path).isEmpty)
    }

    @Test func areRefusedOfAFile() throws {
        try make(RawName("file"))
        let file = try Syscall.open("file", .readOnly, at: directory.rawValue)
        var entries = DirectoryEntries(of: file.rawValue)
        #expect(throws: Errno.ENOTDIR) { try entries.next() }
    }

    @Test func namesEndAtNUL() {
        #expect(RawName([97, 0, 98]).bytes.elementsEqual("a".utf8))
        #expect(RawName([97, 98, 99][1...]).bytes.elementsEqual("bc".utf8))
        #expect(RawName([]).isEmpty)
    }
}
