// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A text that is not JSON, or not what was expected.
package struct JSONError: Error, Hashable, CustomStringConvertible {
    package enum Kind: Hashable, Sendable {
        /// The text breaks the grammar.
        case syntax
        /// A value is missing, of another type, or out of its vocabulary.
        case value
    }

    package var kind: Kind
    /// The property, as in `linux.resources.devices[0].type`; empty for the whole text.
    package var path: String
    package var message: String
    /// Counted from 1; columns are bytes.
    package var line: Int
    package var column: Int

    init(_ kind: Kind, _ message: String, path: String = "", in bytes: [UInt8], at offset: Int) {
        self.kind = kind
        self.path = path
        self.message = message
        let head = bytes.prefix(offset)
        line = 1 + head.count { $0 == UInt8(ascii: "\n") }
        column = offset - (head.lastIndex(of: UInt8(ascii: "\n")) ?? -1)
    }

    package var description: String {
        let place = "(line \(line), column \(column))"
        switch kind {
        case .syntax: return "not valid JSON: \(message) \(place)"
        case .value: return (path.isEmpty ? "" : "\(path): ") + "\(message) \(place)"
        }
    }
}
