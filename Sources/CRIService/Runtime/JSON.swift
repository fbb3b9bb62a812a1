// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials

/// JSON texts as bytes.
enum JSON {
    /// The value, keys in order so that equal values give equal texts.
    static func encode(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(value))
    }

    /// The text of the value.
    static func text(_ value: some Encodable) throws -> String { String(decoding: try encode(value), as: UTF8.self) }

    /// The value; nil when the text is none of its kind.
    static func decode<Value: Decodable>(_ type: Value.Type, _ text: some Sequence<UInt8>) -> Value? {
        // Nobody asks here what is wrong with the text.
        try? JSONDecoder().decode(type, from: Data(text))
    }
}
