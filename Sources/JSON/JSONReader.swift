// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Gives one value of a document to the type that reads it. Errors name the property and its place in the text, so
/// nobody keeps a coding path.
struct JSONReader: Decoder {
    let document: JSONDocument
    let node: Int

    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        try require(.object)
        return KeyedDecodingContainer(JSONObjectReader<Key>(document: document, node: node))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try require(.array)
        return JSONArrayReader(document: document, node: node)
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { self }

    /// The value as one of the type. Texts are most of a configuration, and are read without a detour.
    func value<Value: Decodable>(_ type: Value.Type) throws -> Value {
        if Value.self == String.self, let text = try string() as? Value { return text }
        if Value.self == [String].self, let texts = try strings() as? Value { return texts }
        if Value.self == [String: String].self, let texts = try textsByName() as? Value { return texts }
        do {
            return try Value(from: self)
        } catch DecodingError.dataCorrupted(let context) {
            // What types with a vocabulary of their own throw, enumerations among them.
            let known = (type as? any CaseIterable.Type).map { Self.texts($0) } ?? []
            guard !known.isEmpty, document.kind(node) == .string else {
                throw document.error(context.debugDescription, at: node)
            }
            let text = document.string(node)
            throw document.error("\"\(text)\" is none of \(known.joined(separator: ", "))", at: node)
        }
    }

    /// The texts of an enumeration, which does not tell them by itself.
    private static func texts<Value: CaseIterable>(_ type: Value.Type) -> [String] {
        type.allCases.compactMap { ($0 as? any RawRepresentable)?.rawValue as? String }
    }

    func require(_ kind: JSONDocument.Node.Kind) throws(JSONError) {
        let found = document.kind(node)
        guard found == kind else { throw document.error("\(kind.name) is expected, not \(found.name)", at: node) }
    }

    private func string() throws(JSONError) -> String {
        try require(.string)
        return document.string(node)
    }

    private func strings() throws(JSONError) -> [String] {
        try require(.array)
        var texts: [String] = []
        for child in document.children(of: node) {
            texts.append(try JSONReader(document: document, node: child).string())
        }
        return texts
    }

    private func textsByName() throws(JSONError) -> [String: String] {
        try require(.object)
        var texts: [String: String] = [:]
        var name: String?
        for child in document.children(of: node) {
            if let key = name {
                texts[key] = try JSONReader(document: document, node: child).string()
                name = nil
            } else {
                name = document.string(child)
            }
        }
        return texts
    }
}

extension JSONReader: SingleValueDecodingContainer {
    func decodeNil() -> Bool { document.kind(node) == .null }

    func decode(_ type: Bool.Type) throws -> Bool {
        switch document.kind(node) {
        case .yes: return true
        case .no: return false
        case let found: throw document.error("a boolean is expected, not \(found.name)", at: node)
        }
    }

    func decode(_ type: String.Type) throws -> String { try string() }
    func decode(_ type: Float.Type) throws -> Float { Float(try decode(Double.self)) }
    func decode(_ type: Int.Type) throws -> Int { try integer() }
    func decode(_ type: Int8.Type) throws -> Int8 { try integer() }
    func decode(_ type: Int16.Type) throws -> Int16 { try integer() }
    func decode(_ type: Int32.Type) throws -> Int32 { try integer() }
    func decode(_ type: Int64.Type) throws -> Int64 { try integer() }
    func decode(_ type: UInt.Type) throws -> UInt { try integer() }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try integer() }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try integer() }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try integer() }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try integer() }
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try value(type) }

    func decode(_ type: Double.Type) throws -> Double {
        try require(.number)
        let text = String(decoding: document.digits(node), as: UTF8.self)
        guard let value = Double(text), value.isFinite else {
            throw document.error("\(text) is out of range", at: node)
        }
        return value
    }

    /// `1e3` and `1.0` are integers, too: some writers know only one kind of number.
    private func integer<Value: FixedWidthInteger>() throws(JSONError) -> Value {
        try require(.number)
        let text = String(decoding: document.digits(node), as: UTF8.self)
        if let value = Value(text) { return value }
        let hasFraction = text.utf8.contains { [UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains($0) }
        if hasFraction, let number = Double(text), let value = Value(exactly: number) { return value }
        throw document.error("\(text) is not a number from \(Value.min) to \(Value.max)", at: node)
    }
}
