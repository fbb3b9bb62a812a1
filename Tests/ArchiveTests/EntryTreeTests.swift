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
        #expect(layer.tree.implied.count == 1)
        _ = try layer.finish(above: nil)
    }

    @Test func aDirectoryThatIsReplacedIsNoneAnyMore() throws {
        var tree = EntryTree()
        let name = Array("d".utf8)[...]
        let first = tree.addDirectory(name, in: EntryTree.root, .implied, isImplied: true)
        let inner = tree.addDirectory(name, in: first, .implied, isImplied: true)
        let node = try #require(tree.find(name, in: EntryTree.root))
        tree[node] = .whiteout
        #expect(!tree.isLive(first) && !tree.isLive(inner))
        let second = tree.addDirectory(name, in: EntryTree.root, replacing: node, .implied, isImplied: true)
        #expect(tree.isLive(second) && !tree.isLive(first) && !tree.isLive(inner))
        #expect(tree.children(of: EntryTree.root) == [UInt32(node)])
        #expect(tree.find(name, in: second) == nil)
    }
}
