// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Writes values as JSON: members in the order of their types, dictionaries of texts by name, slashes as they are.
package final class JSONWriter: Encoder {
    private(set) var bytes: [UInt8] = []
    /// Objects and arrays that are not closed yet, and whether something is in them.
    private var open: [(end: UInt8, isEmpty: Bool)] = []
    private let isPretty: Bool

    package let codingPath: [any CodingKey] = []
    package let userInfo: [CodingUserInfoKey: Any] = [:]

    private init(isPretty: Bool) { self.isPretty = isPretty }

    /// The text of a value, in one line or indented by two spaces. Throws what the value's type throws.
    package static func write(_ value: some Encodable, pretty: Bool = false) throws -> [UInt8] {
        let writer = JSONWriter(isPretty: pretty)
        try writer.value(value)
        return writer.bytes
    }

    package func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        begin("{", "}")
        return KeyedEncodingContainer(JSONObjectWriter<Key>(writer: self))
    }

    package func unkeyedContainer() -> any UnkeyedEncodingContainer {
        begin("[", "]")
        return JSONArrayWriter(writer: self)
    }

    package func singleValueContainer() -> any SingleValueEncodingContainer { JSONValueWriter(writer: self) }

    /// Writes the value, and closes what its type has opened for it.
    func value<Value: Encodable>(_ value: Value) throws {
        if Value.self == String.self, let text = value as? String { return string(text) }
        if Value.self == [String: String].self, let texts = value as? [String: String] { return try textsByName(texts) }
        let depth = open.count
        try value.encode(to: self)
        while open.count > depth { end() }
    }

    private func textsByName(_ texts: [String: String]) throws {
        begin("{", "}")
        for (name, text) in texts.sorted(by: { $0.key < $1.key }) {
            member(name)
            string(text)
        }
        end()
    }

    private func begin(_ start: Unicode.Scalar, _ end: Unicode.Scalar) {
        bytes.append(UInt8(ascii: start))
        open.append((UInt8(ascii: end), true))
    }

    private func end() {
        guard let last = open.popLast() else { return }
        if !last.isEmpty { newLine() }
        bytes.append(last.end)
    }

    private func newLine() {
        guard isPretty else { return }
        bytes.append(UInt8(ascii: "\n"))
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * open.count))
    }

    /// What stands before an element.
    func element() {
        if !open[open.count - 1].isEmpty { bytes.append(UInt8(ascii: ",")) }
        open[open.count - 1].isEmpty = false
        newLine()
    }

    /// What stands before the value of a member.
    func member(_ name: String) {
        element()
        string(name)
        bytes.append(UInt8(ascii: ":"))
        if isPretty { bytes.append(UInt8(ascii: " ")) }
    }

    func plain(_ text: String) { bytes.append(contentsOf: text.utf8) }

    func string(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case UInt8(ascii: "\n"): plain("\\n")
            case UInt8(ascii: "\r"): plain("\\r")
            case UInt8(ascii: "\t"): plain("\\t")
            case 0..<0x20: plain((byte < 0x10 ? "\\u000" : "\\u00") + String(byte, radix: 16))
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
