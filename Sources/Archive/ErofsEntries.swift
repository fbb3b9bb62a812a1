// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// The entries of a directory in the order of the bytes of their names, `.` and `..` among them, and without deletions that
/// say nothing.
struct ErofsEntries {
    enum Entry {
        case itself
        case above
        case child(EntryTree.Child)

        /// The length of the name.
        var length: Int {
            switch self {
            case .itself: 1
            case .above: 2
            case .child(let child): child.length
            }
        }
    }

    /// An entry by which the way is taken up again.
    struct Mark: BitwiseCopyable {
        fileprivate let cursor: NameIndex.Cursor
        fileprivate let dots: UInt8
    }

    private var cursor: NameIndex.Cursor
    /// From where the child that was found last is found.
    private var start: NameIndex.Cursor
    /// The name that comes when the two others have had their turn.
    private var held: EntryTree.Child?
    /// How many of the two had it.
    private var dots: UInt8
    private let isOpaque: Bool

    init(
        of directory: Int, _ record: DirectoryRecord, in tree: EntryTree, from mark: Mark? = nil
    ) throws(ArchiveError) {
        if let mark { cursor = mark.cursor } else { cursor = try tree.cursor(in: directory) }
        start = cursor
        dots = mark?.dots ?? 0
        isOpaque = record.isOpaque
    }

    /// Of the entry that came last.
    func mark(of entry: Entry) -> Mark {
        if case .child = entry { return Mark(cursor: start, dots: dots) }
        return Mark(cursor: start, dots: dots - 1)
    }

    /// The next entry, nil behind the last one.
    mutating func next(in tree: EntryTree) throws(ArchiveError) -> Entry? {
        guard let child = try nextChild(in: tree) else { return dot() }
        // The first two bytes: what is not before `.`, and not before `..`, is behind it, for nothing else has that name.
        if dots < 2, child.beginning >= (dots == 0 ? 0x2E00 : 0x2E2E) {
            held = child
            return dot()
        }
        return .child(child)
    }

    private mutating func dot() -> Entry? {
        guard dots < 2 else { return nil }
        dots += 1
        return dots == 1 ? .itself : .above
    }

    private mutating func nextChild(in tree: EntryTree) throws(ArchiveError) -> EntryTree.Child? {
        if let child = held.take() { return child }
        repeat {
            start = cursor
            guard let child = try tree.next(&cursor) else { return nil }
            // overlayfs merges nothing in an opaque directory, so it would show them.
            if !isOpaque || child.target != .whiteout { return child }
        } while true
    }
}
