// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A set of small numbers, of CPUs or memory nodes, as the kernel's bit masks hold it.
package struct NumberSet: Hashable, Sendable {
    /// Bit N of word M is the number M * 64 + N; the last word is not 0.
    package private(set) var words: [UInt64] = []

    package init() {}

    /// All numbers below `count`, a multiple of 64.
    package init(allBelow count: Int) { words = [UInt64](repeating: .max, count: count / 64) }

    /// Reads a list like `0-3,7`, "List Format" of cpuset(7); blanks around its parts are passed over. Nil when it is
    /// none, or has a number from `limit` up.
    package init?(list: String, below limit: Int) {
        for part in list.split(separator: ",", omittingEmptySubsequences: false) {
            let bounds = part.split(separator: "-", omittingEmptySubsequences: false).map(Self.number)
            guard (1...2).contains(bounds.count), let first = bounds[0], let last = bounds[bounds.count - 1],
                first <= last, last < limit
            else { return nil }
            for number in first...last { insert(number) }
        }
    }

    package var isEmpty: Bool { words.isEmpty }

    package mutating func insert(_ number: Int) {
        while words.count <= number / 64 { words.append(0) }
        words[number / 64] |= 1 << UInt64(number % 64)
    }

    /// Digits only: `Int` would take a sign too.
    private static func number(_ text: Substring) -> Int? {
        let digits = text.drop { $0 == " " }.prefix { $0 != " " }
        guard text.drop(while: { $0 == " " }).dropFirst(digits.count).allSatisfy({ $0 == " " }),
            digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return Int(digits)
    }
}
