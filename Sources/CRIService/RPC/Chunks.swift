// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A list in parts, for answers that are sent piece by piece: each item once, in order, and no part empty.
struct Chunks<Item>: Sequence, IteratorProtocol {
    private var rest: ArraySlice<Item>
    private let size: Int

    /// A part of 3000 pods or containers is far below what a message may hold.
    init(_ items: [Item], size: Int = 3000) {
        rest = items[...]
        self.size = size
    }

    mutating func next() -> [Item]? {
        guard !rest.isEmpty else { return nil }
        defer { rest = rest.dropFirst(size) }
        return Array(rest.prefix(size))
    }
}
