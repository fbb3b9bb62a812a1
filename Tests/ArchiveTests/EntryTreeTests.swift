// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

@testable import Archive

/// What an archive brings over and over must not become more to look through each time.
@Suite struct EntryTreeTests {
    @Test func aNameThatIsReplacedStaysOne() throws {
        let folder = try TemporaryDirectory()
        let layer = try ErofsLayer(at: "\(folder.path)/layer", identity: Array(1...16))
        var tar = TarBuilder()
        for number in 0..<100 {
            tar.add("d/file", content: [UInt8(number)])
            tar.add("d/.wh.gone")
            tar.add("d/link", type: "2", link: "target")
            tar.add("d/hard", type: "1", link: "d/file")
            tar.add("e/", type: "5", mode: 0o755)
            tar.add("e/inner", content: [1])
            tar.add("e", content: [1])
        }
        try layer.take(LayerReader(MemorySource(tar.finished)))
        // In `d` four names, itself and `e`, and one in each `e`.
        #expect(layer.tree.count == 6 + 100)
        let implied = try (0..<layer.tree.directoryCount).filter { try layer.tree.isImplied($0) }
        #expect(implied.count == 1)
        _ = try layer.finish(above: nil)
    }

    @Test func aDirectoryThatIsReplacedIsNoneAnyMore() throws {
        var tree = try EntryTree(in: PageStore(beside: nil))
        let name = Array("d".utf8)[...]
        let first = try tree.addDirectory(name, in: EntryTree.root, isImplied: true)
        let inner = try tree.addDirectory(name, in: first, isImplied: true)
        try tree.put(.whiteout, name, in: EntryTree.root)
        #expect(try live(tree) == [EntryTree.root])
        let second = try tree.addDirectory(name, in: EntryTree.root, isImplied: true)
        #expect(try live(tree) == [EntryTree.root, second])
        #expect(try tree.child(of: EntryTree.root, after: nil)?.target == .directory(second))
        #expect(try tree.child(of: EntryTree.root, after: Array(name))?.name == nil)
        #expect(try tree.find(name, in: second).target == nil)
        #expect(try tree.find(name, in: first).target == .directory(inner))
        try tree.markReached()
        #expect(try tree.directory(first).reach == .lost)
        #expect(try tree.directory(inner).reach == .lost)
        #expect(try tree.directory(second).reach == .reached)
    }

    private func live(_ tree: EntryTree) throws -> [Int] {
        try (0..<tree.directoryCount).filter { try tree.isLive($0) }
    }

    /// With what is in it.
    @Test func aDirectoryMoves() throws {
        var tree = try EntryTree(in: PageStore(beside: nil))
        func name(_ text: String) -> ArraySlice<UInt8> { Array(text.utf8)[...] }
        let old = try tree.addDirectory(name("old"), in: EntryTree.root, isImplied: true)
        let moved = try tree.addDirectory(name("moved"), in: old, isImplied: true)
        let new = try tree.addDirectory(name("new"), in: EntryTree.root, isImplied: true)
        try tree.put(.whiteout, name("inside"), in: moved)
        try tree.move(name("moved"), in: old, to: new)
        try tree.removeDirectory(old)
        #expect(try live(tree) == [EntryTree.root, moved, new])
        #expect(try tree.path(of: moved).description == "new/moved")
        #expect(try tree.find(name("moved"), in: old).target == nil)
        #expect(try tree.find(name("moved"), in: new).target == .directory(moved))
        #expect(try tree.find(name("inside"), in: moved).target == .whiteout)
        try tree.markReached()
        #expect(try tree.directory(moved).reach == .reached)
        #expect(try tree.directory(old).reach == .lost)
    }
}
