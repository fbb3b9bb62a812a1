// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// What a plugin is called, and when it is asked: by index, then by name.
package struct PluginName: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Two digits.
    package let index: String
    package let name: String

    /// Nil for what is not two digits and a name of letters, digits and `-_.+`.
    package init?(index: String, name: String) {
        guard index.utf8.count == 2, index.utf8.allSatisfy(Self.isDigit), !name.isEmpty,
            name.utf8.allSatisfy(Self.isAllowed)
        else { return nil }
        self.index = index
        self.name = name
    }

    /// Of a plugin's program: `10-pinner`.
    package init?(file: String) {
        let bytes = file.utf8
        guard bytes.count > 3, bytes.dropFirst(2).first == UInt8(ascii: "-") else { return nil }
        self.init(index: String(file.prefix(2)), name: String(file.dropFirst(3)))
    }

    package var description: String { "\(index)-\(name)" }

    package static func < (one: PluginName, other: PluginName) -> Bool {
        (one.index, one.name) < (other.index, other.name)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "+"): true
        default: isDigit(byte)
        }
    }
}
