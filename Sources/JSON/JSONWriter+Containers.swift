// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A value by itself.
struct JSONValueWriter: SingleValueEncodingContainer {
    let writer: JSONWriter
    var codingPath: [any CodingKey] { [] }

    func encodeNil() { writer.plain("null") }
    func encode(_ value: Bool) { writer.plain(value ? "true" : "false") }
    func encode(_ value: String) { writer.string(value) }
    func encode(_ value: Float) throws { try encode(Double(value)) }
    func encode(_ value: Int) { writer.plain(value.description) }
    func encode(_ value: Int8) { writer.plain(value.description) }
    func encode(_ value: Int16) { writer.plain(value.description) }
    func encode(_ value: Int32) { writer.plain(value.description) }
    func encode(_ value: Int64) { writer.plain(value.description) }
    func encode(_ value: UInt) { writer.plain(value.description) }
    func encode(_ value: UInt8) { writer.plain(value.description) }
    func encode(_ value: UInt16) { writer.plain(value.description) }
    func encode(_ value: UInt32) { writer.plain(value.description) }
    func encode(_ value: UInt64) { writer.plain(value.description) }
    func encode<Value: Encodable>(_ value: Value) throws { try writer.value(value) }

    func encode(_ value: Double) throws {
        guard value.isFinite else {
            throw EncodingError.invalidValue(
                value, .init(codingPath: [], debugDescription: "JSON knows finite numbers"))
        }
        writer.plain(value.description)
    }
}

/// The members of an object. An object inside of it that is no value of its own must be the last one in it: it is closed
/// with its surroundings.
struct JSONObjectWriter<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let writer: JSONWriter
    var codingPath: [any CodingKey] { [] }

    func encodeNil(forKey key: Key) {
        writer.member(key.stringValue)
        writer.plain("null")
    }

    func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
        writer.member(key.stringValue)
        try writer.value(value)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        writer.member(key.stringValue)
        return writer.container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        writer.member(key.stringValue)
        return writer.unkeyedContainer()
    }

    func superEncoder() -> any Encoder { writer }

    func superEncoder(forKey key: Key) -> any Encoder {
        writer.member(key.stringValue)
        return writer
    }
}

/// The elements of an array; the same holds for what is inside of it.
struct JSONArrayWriter: UnkeyedEncodingContainer {
    let writer: JSONWriter
    private(set) var count = 0

    init(writer: JSONWriter) { self.writer = writer }

    var codingPath: [any CodingKey] { [] }

    private mutating func next() {
        writer.element()
        count += 1
    }

    mutating func encodeNil() {
        next()
        writer.plain("null")
    }

    mutating func encode<Value: Encodable>(_ value: Value) throws {
        next()
        try writer.value(value)
    }

    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        next()
        return writer.container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        next()
        return writer.unkeyedContainer()
    }

    mutating func superEncoder() -> any Encoder {
        next()
        return writer
    }
}
