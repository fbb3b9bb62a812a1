// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

@testable import Archive

/// Names of directories in their order, in memory and not.
@Suite struct SortedNamesTests {
    private static let names = (0..<900).map { "\($0 * 7919 % 900)" + String(repeating: "n", count: $0 % 240) }

    /// Walks a directory, and in it the same again below each hundredth name.
    private static func walk(_ names: inout SortedNames, _ path: String, isInner: Bool = false) throws -> [[UInt8]] {
        let directory = try Syscall.open(path, [.directory])
        var list = try names.list(directory.rawValue)
        var found: [[UInt8]] = []
        while let name = try names.next(&list) {
            found.append(Array(name.bytes))
            if !isInner, found.count % 100 == 0 {
                #expect(try walk(&names, path, isInner: true).count == Self.names.count)
            }
        }
        #expect(try names.next(&list) == nil)
        return found
    }

    @Test(arguments: [1 << 30, 0, 100_000]) func comeInTheirOrder(room: Int) throws {
        let folder = try TemporaryDirectory()
        let path = "\(folder.path)/names"
        try Syscall.makeDirectory(path)
        for name in Self.names { _ = try Syscall.open("\(path)/\(name)", [.writeOnly, .create]) }
        let expected = Self.names.map { Array($0.utf8) }.sorted { $0.lexicographicallyPrecedes($1) }
        var names = SortedNames(beside: "\(folder.path)/.", room: room)
        #expect(try Self.walk(&names, path) == expected)
        // What was in memory is free again.
        #expect(try Self.walk(&names, path) == expected)
    }
}
