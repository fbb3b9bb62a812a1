// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// The members of an object.
struct JSONObjectReader<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let document: JSONDocument
    let node: Int

    var codingPath: [any CodingKey] { [] }

    var allKeys: [Key] {
        var keys: [Key] = []
        var isName = true
        for child in document.children(of: node) {
            if isName, let key = Key(stringValue: document.string(child)) { keys.append(key) }
            isName.toggle()
        }
        return keys
    }

    func contains(_ key: Key) -> Bool { document.member(key.stringValue, of: node) != nil }

    func decodeNil(forKey key: Key) throws -> Bool { try reader(key).decodeNil() }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value { try reader(key).value(type) }

    /// nil where the member is missing or null.
    func decodeIfPresent<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value? {
        guard let member = document.member(key.stringValue, of: node), document.kind(member) != .null else {
            return nil
        }
        return try JSONReader(document: document, node: member).value(type)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> { try reader(key).container(keyedBy: type) }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try reader(key).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder { JSONReader(document: document, node: node) }
    func superDecoder(forKey key: Key) throws -> any Decoder { try reader(key) }

    private func reader(_ key: Key) throws(JSONError) -> JSONReader {
        guard let member = document.member(key.stringValue, of: node) else {
            throw document.error("required property is missing", at: node, member: key.stringValue)
        }
        return JSONReader(document: document, node: member)
    }
}

/// The elements of an array, one after the other.
struct JSONArrayReader: UnkeyedDecodingContainer {
    let document: JSONDocument
    private let node: Int
    private var at: Int
    private(set) var currentIndex = 0

    init(document: JSONDocument, node: Int) {
        self.document = document
        self.node = node
        at = node + 1
    }

    var codingPath: [any CodingKey] { [] }
    var count: Int? { nil }
    var isAtEnd: Bool { at >= document.next(node) }

    private mutating func reader() throws(JSONError) -> JSONReader {
        guard !isAtEnd else { throw document.error("element \(currentIndex) is missing", at: node) }
        defer {
            at = document.next(at)
            currentIndex += 1
        }
        return JSONReader(document: document, node: at)
    }

    mutating func decodeNil() throws -> Bool {
        guard !isAtEnd, document.kind(at) == .null else { return false }
        _ = try reader()
        return true
    }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try reader().value(type) }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) throws -> KeyedDecodingContainer<Nested> { try reader().container(keyedBy: type) }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { try reader().unkeyedContainer() }
    mutating func superDecoder() throws -> any Decoder { try reader() }
}
