// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

@testable import Archive

/// What is known of a layer, when it is more than may be in memory.
@Suite struct NameIndexTests {
    private static let count = 9000

    /// The orders in which names come: each number once.
    private static func numbers(_ order: String) -> [Int] {
        switch order {
        case "ascending": Array(0..<count)
        case "descending": (0..<count).reversed()
        default: (0..<count).map { $0 * 7919 % count }
        }
    }

    /// Names of all lengths in three directories, some of which begin like others.
    private static func key(_ number: Int) -> NameKey {
        let digits = Array("\(1_000_000 + number)".utf8)
        let name = [UInt8](repeating: UInt8(ascii: "n"), count: number / 3 % 4 * 82) + digits
        return NameKey(directory: UInt32(number % 3), name: name[...])
    }

    @Test(arguments: ["ascending", "descending", "mixed"]) func namesAreFoundAndInOrder(order: String) throws {
        let folder = try TemporaryDirectory()
        let store = PageStore(beside: "\(folder.path)/layer", limit: 16)
        var index = try NameIndex(in: store)
        var expected: [NameKey: UInt64] = [:]
        for number in Self.numbers(order) {
            let key = Self.key(number)
            let place = try index.find(key)
            #expect(!place.isFound)
            try index.set(key, UInt64(number), at: place)
            expected[key] = UInt64(number)
        }
        // Again, with places of before, and from a place that was found before others came.
        let old = try index.find(Self.key(5))
        for number in stride(from: 0, to: Self.count, by: 10) {
            try index.set(Self.key(number), UInt64(number) << 40)
            expected[Self.key(number)] = UInt64(number) << 40
        }
        try index.set(NameKey(directory: 7, name: []), 1)
        try index.set(Self.key(5), 55, at: old)
        expected[Self.key(5)] = 55
        #expect(index.count == Self.count + 1)
        #expect(store.usesFile)
        #expect(try Syscall.entries(folder.path).isEmpty)

        let found = try expected.keys.allSatisfy { try index.value($0) == expected[$0] }
        #expect(found)
        #expect(try index.value(NameKey(directory: 0, name: Array("absent".utf8)[...])) == nil)
        #expect(try index.value(NameKey(directory: 3, name: Self.key(0).name)) == nil)
        for directory in 0..<UInt32(3) {
            let names = expected.keys.filter { $0.directory == directory }.map { Array($0.name) }
            #expect(try Self.names(index, directory) == names.sorted { $0.lexicographicallyPrecedes($1) })
        }
    }

    private static func names(_ index: NameIndex, _ directory: UInt32) throws -> [[UInt8]] {
        var cursor = try index.cursor(in: directory)
        var names: [[UInt8]] = []
        while let item = try index.next(&cursor) {
            var name: [UInt8] = []
            try index.append(nameOf: item, to: &name)
            names.append(name)
            #expect(item.length == name.count)
        }
        return names
    }

    /// Where names come in their order, hardly any room is left empty.
    @Test func namesInOrderFillTheirPages() throws {
        let store = PageStore(beside: nil)
        var index = try NameIndex(in: store)
        // Also in front of those that are there.
        for number in 0..<4000 {
            let name = Array("\(1_000_000 + number)".utf8)
            try index.set(NameKey(directory: UInt32(3 - number / 1000), name: name[...]), 1)
        }
        // 22 bytes for each.
        #expect(store.pageCount < 4000 * 22 / PageStore.pageSize * 2)
    }

    @Test func recordsAndBytesOutlastTheirPages() throws {
        let folder = try TemporaryDirectory()
        let store = PageStore(beside: "\(folder.path)/layer", limit: 16)
        var records = PagedRecords<UInt64>(in: store)
        var bytes = PagedBytes(in: store)
        var places: [Int] = []
        for number in 0..<50_000 { _ = try records.append(UInt64(number)) }
        for number in 0..<400 { places.append(try bytes.append(Self.piece(number)[...])) }
        try records.set(7, at: 49_999)
        #expect(store.usesFile)
        let kept = try (0..<49_999).allSatisfy { try records.get($0) == UInt64($0) }
        #expect(kept)
        #expect(try records.get(49_999) == 7)
        for number in 0..<400 { #expect(try bytes.read(2999, at: places[number]) == Self.piece(number)) }
        let place = try bytes.append(UInt64.max - 5)
        #expect(try bytes.number(at: place) == UInt64.max - 5)
    }

    private static func piece(_ number: Int) -> [UInt8] { [UInt8](repeating: UInt8(number % 251), count: 2999) }

    /// Not a crash, and the layer is given up.
    @Test func whereTheFileCannotBeThereIsAnError() throws {
        let folder = try TemporaryDirectory()
        let store = PageStore(beside: "\(folder.path)/missing/layer", limit: 16)
        let error = try #require(throws: ArchiveError.self) {
            for _ in 0..<17 { _ = try store.newPage() }
        }
        #expect(error.code == .io)
        #expect(error.description == "write layer \"\(folder.path)/missing/layer\": no such file or directory")
    }
}
