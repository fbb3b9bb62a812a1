// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A pattern for names of files: `*`, `?`, `[a-z]`, `[!a-z]`, and `\` before what stands for itself. See glob(7).
struct NamePattern: Hashable {
    private enum Piece: Hashable {
        case anything
        case one(in: [ClosedRange<Character>], except: Bool)
    }

    private let pieces: [Piece]

    init(_ text: String) {
        var (pieces, rest) = ([Piece](), text[...])
        while let character = rest.popFirst() {
            switch character {
            case "*": pieces.append(.anything)
            case "?": pieces.append(.one(in: [], except: true))
            case "[": pieces.append(Self.set(&rest) ?? .one(in: ["["..."["], except: false))
            case "\\":
                let next = rest.popFirst() ?? "\\"
                pieces.append(.one(in: [next...next], except: false))
            default: pieces.append(.one(in: [character...character], except: false))
            }
        }
        self.pieces = pieces
    }

    /// What stands between brackets; nil, and nothing read, where there is no closing one.
    private static func set(_ rest: inout Substring) -> Piece? {
        var inner = rest
        let except = inner.first == "!" || inner.first == "^"
        if except { inner.removeFirst() }
        var ranges: [ClosedRange<Character>] = []
        while let first = inner.popFirst() {
            if first == "]", !ranges.isEmpty {
                rest = inner
                return .one(in: ranges, except: except)
            }
            if inner.first == "-", let last = inner.dropFirst().first, last != "]" {
                inner.removeFirst(2)
                // One that runs backwards has nothing in it, but is one.
                ranges.append(first <= last ? first...last : "\0"..."\0")
            } else {
                ranges.append(first...first)
            }
        }
        return nil
    }

    /// Whether the whole name is of the pattern. A dot at its beginning is a character like others.
    func matches(_ name: String) -> Bool {
        let name = Array(name)
        // Where to go on when what follows the last `*` does not fit: one character later.
        var (piece, place) = (0, 0)
        var retry: (piece: Int, place: Int)?
        while place < name.count {
            if piece < pieces.count, case .anything = pieces[piece] {
                piece += 1
                retry = (piece, place)
            } else if piece < pieces.count, case .one(let ranges, let except) = pieces[piece],
                ranges.contains(where: { $0.contains(name[place]) }) != except
            {
                (piece, place) = (piece + 1, place + 1)
            } else if let last = retry {
                (piece, place) = (last.piece, last.place + 1)
                retry = (piece, place)
            } else {
                return false
            }
        }
        return pieces[piece...].allSatisfy { $0 == .anything }
    }
}
