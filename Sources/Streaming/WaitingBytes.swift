// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Bytes in order that have no place to go yet.
///
/// They are copied: a slice would keep all in memory that was read with it, so that a peer which sends one byte for somebody
/// who takes none, and much for somebody who does, again and again, could fill the memory far beyond its windows.
struct WaitingBytes {
    /// A piece that is shorter is added to.
    private static let pieceSize = 16_384

    private var pieces: [[UInt8]] = []
    /// So many bytes of the first piece are gone.
    private var start = 0
    private(set) var count = 0

    /// What can be taken in one go; nil when there is nothing.
    var first: ArraySlice<UInt8>? { pieces.first.map { $0[start...] } }
    /// How many bytes of memory they hold.
    var capacity: Int { pieces.reduce(0) { $0 + $1.capacity } }

    mutating func append(_ bytes: ArraySlice<UInt8>) {
        guard !bytes.isEmpty else { return }
        count += bytes.count
        if let last = pieces.indices.last, pieces[last].count < Self.pieceSize {
            pieces[last] += bytes
        } else {
            pieces.append(Array(bytes))
        }
    }

    /// The first so many bytes, which are all of one piece, have found their place.
    mutating func drop(_ taken: Int) {
        guard let first = pieces.first else { return }
        start += taken
        count -= taken
        guard start == first.count else { return }
        pieces.removeFirst()
        start = 0
    }
}
