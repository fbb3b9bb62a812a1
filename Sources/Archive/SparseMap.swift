// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Which parts of a file with holes are in the archive, one after the other.
struct SparseMap {
    struct Piece: Hashable {
        var offset: Int64
        var count: Int64
    }

    /// Ascending, without those of no bytes.
    let pieces: [Piece]
    /// The size of the file.
    let size: Int64

    /// The most pieces that a map of 1 MiB has room for, which is the longest that other engines take (CVE-2025-58183).
    static let pieceLimit = 1 << 18

    /// Nil when pieces overlap, leave the file, or are not what the archive holds.
    init?(_ pieces: [Piece], size: Int64, stored: Int64) {
        guard size >= 0 else { return nil }
        var end: Int64 = 0
        var sum: Int64 = 0
        for piece in pieces {
            guard piece.count >= 0, piece.offset >= end, piece.offset <= size, piece.count <= size - piece.offset else {
                return nil
            }
            end = piece.offset + piece.count
            sum += piece.count
        }
        guard sum == stored else { return nil }
        self.pieces = pieces.contains { $0.count == 0 } ? pieces.filter { $0.count > 0 } : pieces
        self.size = size
    }

    /// Throws `.tooLarge` when there are too many pieces.
    static func check(count: Int64) throws(ArchiveError) {
        guard count > pieceLimit else { return }
        let reason = "the map of a sparse file has more than \(pieceLimit) pieces"
        throw ArchiveError(.tooLarge, "read layer", "", reason)
    }

    /// Of `offset,count,offset,count...`.
    static func parse(_ text: ArraySlice<UInt8>) -> [Piece]? {
        guard !text.isEmpty else { return [] }
        var pieces: [Piece] = []
        var offset: Int64?
        var rest = text
        while true {
            let digits = rest.prefix { $0 != UInt8(ascii: ",") }
            guard let number = PaxRecords.number(digits), pieces.count < pieceLimit else { return nil }
            if let start = offset.take() {
                pieces.append(Piece(offset: start, count: number))
            } else {
                offset = number
            }
            guard digits.endIndex < rest.endIndex else { return offset == nil ? pieces : nil }
            rest = rest[(digits.endIndex + 1)...]
        }
    }
}
