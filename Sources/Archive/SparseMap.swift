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

    static let pieceLimit = 1 << 20

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
        self.pieces = pieces.filter { $0.count > 0 }
        self.size = size
    }

    /// Of `offset,count,offset,count...`.
    static func parse(_ text: ArraySlice<UInt8>) -> [Piece]? {
        guard !text.isEmpty else { return [] }
        let numbers = text.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        guard numbers.count % 2 == 0, numbers.count / 2 <= pieceLimit else { return nil }
        var pieces: [Piece] = []
        for index in stride(from: 0, to: numbers.count, by: 2) {
            guard let offset = PaxRecords.number(numbers[index]), let count = PaxRecords.number(numbers[index + 1])
            else {
                return nil
            }
            pieces.append(Piece(offset: offset, count: count))
        }
        return pieces
    }
}
