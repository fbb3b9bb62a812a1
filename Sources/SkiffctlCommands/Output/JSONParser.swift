// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Reads one JSON document; RFC 8259.
struct JSONParser {
    /// Where the text is wrong; lines and columns count from 1.
    struct Failure: Error, Equatable, CustomStringConvertible {
        var line: Int
        var column: Int
        var cause: String
        var description: String { "line \(line), column \(column): \(cause)" }
    }

    private static let deepest = 200

    private let bytes: [UInt8]
    private var position = 0

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    static func parse(_ text: some Sequence<UInt8>) throws(Failure) -> JSON {
        var parser = JSONParser(Array(text))
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.position == parser.bytes.count else { throw parser.failure("text after the end of the document") }
        return value
    }

    private mutating func value(depth: Int) throws(Failure) -> JSON {
        guard depth < Self.deepest else { throw failure("nested too deeply") }
        skipSpace()
        guard position < bytes.count else { throw failure("unexpected end") }
        switch bytes[position] {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func object(depth: Int) throws(Failure) -> JSON {
        position += 1
        var members: [JSON.Member] = []
        if take("}") { return .object([]) }
        repeat {
            skipSpace()
            let start = self
            guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { throw failure("expected a key") }
            let key = try string()
            guard !members.contains(where: { $0.key == key }) else {
                throw start.failure("key \"\(key)\" is there twice")
            }
            guard take(":") else { throw failure("expected \":\"") }
            members.append(JSON.Member(key: key, value: try value(depth: depth + 1)))
        } while take(",")
        guard take("}") else { throw failure("expected \",\" or \"}\"") }
        return .object(members)
    }

    private mutating func array(depth: Int) throws(Failure) -> JSON {
        position += 1
        var elements: [JSON] = []
        if take("]") { return .array([]) }
        repeat { elements.append(try value(depth: depth + 1)) } while take(",")
        guard take("]") else { throw failure("expected \",\" or \"]\"") }
        return .array(elements)
    }

    private mutating func string() throws(Failure) -> String {
        position += 1
        var result: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: result, as: UTF8.self) else { throw failure("not UTF-8") }
                return text
            case UInt8(ascii: "\\"): result += String(try escape()).utf8
            case 0..<0x20: throw failure("line break or control character in a string")
            default: result.append(byte)
            }
        }
        throw failure("string without end")
    }

    private mutating func escape() throws(Failure) -> Character {
        guard position < bytes.count else { throw failure("string without end") }
        position += 1
        switch bytes[position - 1] {
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "u"): return Character(try unicodeEscape())
        default: throw failure("unknown escape")
        }
    }

    /// Four digits, or two times four for what UTF-16 writes as a pair.
    private mutating func unicodeEscape() throws(Failure) -> Unicode.Scalar {
        let first = try hexadecimal()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, bytes[position...].starts(with: Array("\\u".utf8)) else {
            throw failure("half of a surrogate pair")
        }
        position += 2
        let second = try hexadecimal()
        guard (0xDC00..<0xE000).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else { throw failure("half of a surrogate pair") }
        return scalar
    }

    private mutating func hexadecimal() throws(Failure) -> UInt32 {
        let digits = String(decoding: bytes[position...].prefix(4), as: UTF8.self)
        guard digits.count == 4, digits.allSatisfy(\.isHexDigit), let value = UInt32(digits, radix: 16) else {
            throw failure("expected four hexadecimal digits")
        }
        position += 4
        return value
    }

    private mutating func number() throws(Failure) -> JSON {
        let text = bytes[position...].prefix { "+-.0123456789eE".utf8.contains($0) }
        let string = String(decoding: text, as: UTF8.self)
        guard !text.isEmpty, Double(string) != nil else { throw failure("expected a value") }
        position += text.count
        return .number(string)
    }

    private mutating func word(_ word: String, _ value: JSON) throws(Failure) -> JSON {
        guard bytes[position...].starts(with: Array(word.utf8)) else { throw failure("expected a value") }
        position += word.utf8.count
        return value
    }

    private mutating func skipSpace() {
        while position < bytes.count, [32, 9, 10, 13].contains(bytes[position]) { position += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private func failure(_ cause: String) -> Failure {
        let before = bytes.prefix(position)
        let line = before.count { $0 == 10 } + 1
        let column = before.count - (before.lastIndex(of: 10).map { $0 + 1 } ?? 0) + 1
        return Failure(line: line, column: column, cause: cause)
    }
}
