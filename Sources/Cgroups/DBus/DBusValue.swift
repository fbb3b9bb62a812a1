// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A value of D-Bus, with its type. See the D-Bus specification, "Type System".
package indirect enum DBusValue: Hashable, Sendable {
    case byte(UInt8)
    case boolean(Bool)
    case int16(Int16)
    case uint16(UInt16)
    case int32(Int32)
    case uint32(UInt32)
    case int64(Int64)
    case uint64(UInt64)
    case double(Double)
    case string(String)
    case objectPath(String)
    case signature(String)
    /// The elements have one type, which an empty array has as well.
    case array(of: String, [DBusValue])
    case structure([DBusValue])
    /// Only as an element of an array.
    case entry(DBusValue, DBusValue)
    case variant(DBusValue)

    /// The type in the letters of the specification: `a(sv)`.
    package var signature: String {
        switch self {
        case .byte: "y"
        case .boolean: "b"
        case .int16: "n"
        case .uint16: "q"
        case .int32: "i"
        case .uint32: "u"
        case .int64: "x"
        case .uint64: "t"
        case .double: "d"
        case .string: "s"
        case .objectPath: "o"
        case .signature: "g"
        case .array(let element, _): "a" + element
        case .structure(let fields): "(" + fields.map(\.signature).joined() + ")"
        case .entry(let key, let value): "{" + key.signature + value.signature + "}"
        case .variant: "v"
        }
    }

    package static func strings(_ values: [String]) -> DBusValue { .array(of: "s", values.map { .string($0) }) }

    package static func bytes(_ values: [UInt8]) -> DBusValue { .array(of: "y", values.map { .byte($0) }) }

    /// The text of a string or an object path.
    package var text: String? {
        switch self {
        case .string(let text), .objectPath(let text): text
        default: nil
        }
    }
}

/// Types as text. See the D-Bus specification, "Type Signatures".
enum DBusSignature {
    /// Where the multiple of bytes begins at which a value of the type starts.
    static func alignment(_ type: UInt8) -> Int {
        switch type {
        case UInt8(ascii: "n"), UInt8(ascii: "q"): 2
        case UInt8(ascii: "b"), UInt8(ascii: "i"), UInt8(ascii: "u"), UInt8(ascii: "s"), UInt8(ascii: "o"),
            UInt8(ascii: "a"):
            4
        case UInt8(ascii: "x"), UInt8(ascii: "t"), UInt8(ascii: "d"), UInt8(ascii: "("), UInt8(ascii: "{"): 8
        default: 1
        }
    }

    /// The complete types of which the signature is made; nil when it is malformed or nested deeper than 32 levels.
    static func split(_ signature: [UInt8]) -> [ArraySlice<UInt8>]? {
        var types: [ArraySlice<UInt8>] = []
        var rest = signature[...]
        while !rest.isEmpty {
            guard let end = end(of: rest, depth: 0) else { return nil }
            types.append(rest[..<end])
            rest = rest[end...]
        }
        return types
    }

    /// The index after the first complete type.
    private static func end(of text: ArraySlice<UInt8>, depth: Int) -> Int? {
        guard let first = text.first, depth <= 32 else { return nil }
        let next = text.startIndex + 1
        switch first {
        case UInt8(ascii: "a"):
            if text[next...].first == UInt8(ascii: "{") { return entryEnd(of: text[next...], depth: depth + 1) }
            return end(of: text[next...], depth: depth + 1)
        case UInt8(ascii: "("):
            var position = next
            while position < text.endIndex, text[position] != UInt8(ascii: ")") {
                guard let end = end(of: text[position...], depth: depth + 1) else { return nil }
                position = end
            }
            return position < text.endIndex && position > next ? position + 1 : nil
        default: return "ybnqiuxtdsogv".utf8.contains(first) ? next : nil
        }
    }

    private static func entryEnd(of text: ArraySlice<UInt8>, depth: Int) -> Int? {
        let key = text.startIndex + 1
        guard key < text.endIndex, "ybnqiuxtdsog".utf8.contains(text[key]),
            let end = end(of: text[(key + 1)...], depth: depth + 1), end < text.endIndex,
            text[end] == UInt8(ascii: "}")
        else { return nil }
        return end + 1
    }
}
