// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Values as people write them: `uint64 5`, `true`, `['a', 'b']`, `@as []`, `<'x'>`, `('a', 1)`, `{'key': <2>}`. See
/// "GVariant Text Format" in the documentation of GLib.
///
/// A number without a type is an int32, or a double when it has a point or an exponent.
struct GVariantText {
    private let text: [UInt8]
    private var position = 0

    /// Why the text is no value.
    struct Malformed: Error, Hashable, CustomStringConvertible {
        var description: String
    }

    /// The value that is the whole text.
    static func parse(_ text: String) throws(Malformed) -> DBusValue {
        var parser = GVariantText(text: Array(text.utf8))
        let value = try parser.value(expected: nil, depth: 0)
        parser.skipSpace()
        guard parser.position == parser.text.count else { throw parser.malformed("unexpected text after the value") }
        return value
    }

    private init(text: [UInt8]) { self.text = text }

    private func malformed(_ what: String) -> Malformed { Malformed(description: "\(what) at offset \(position)") }

    private var current: UInt8? { position < text.count ? text[position] : nil }

    private mutating func skipSpace() {
        while let byte = current, byte == 0x20 || (0x09...0x0D).contains(byte) { position += 1 }
    }

    private mutating func accept(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard current == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func require(_ character: Unicode.Scalar) throws(Malformed) {
        guard accept(character) else { throw malformed("expected \"\(character)\"") }
    }

    private mutating func word(_ belongs: (UInt8) -> Bool) -> String {
        let start = position
        while let byte = current, belongs(byte) { position += 1 }
        return String(decoding: text[start..<position], as: UTF8.self)
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static let keywords = [
        "boolean": "b", "byte": "y", "int16": "n", "uint16": "q", "int32": "i", "uint32": "u", "int64": "x",
        "uint64": "t", "double": "d", "string": "s", "objectpath": "o", "signature": "g",
    ]

    private mutating func value(expected: String?, depth: Int) throws(Malformed) -> DBusValue {
        guard depth < 32 else { throw malformed("nested too deeply") }
        skipSpace()
        switch current {
        case UInt8(ascii: "@"):
            position += 1
            let type = word { !($0 == 0x20) }
            guard DBusSignature.split(Array(type.utf8))?.count == 1 else { throw malformed("invalid type") }
            return try value(expected: type, depth: depth + 1)
        case UInt8(ascii: "["): return try array(expected, depth)
        case UInt8(ascii: "{"): return try dictionary(expected, depth)
        case UInt8(ascii: "("): return try tuple(expected, depth)
        case UInt8(ascii: "<"):
            try require("<")
            let inner = try value(expected: nil, depth: depth + 1)
            try require(">")
            return try checked(.variant(inner), expected)
        case UInt8(ascii: "'"), UInt8(ascii: "\""): return try string(expected)
        case UInt8(ascii: "b") where position + 1 < text.count && [0x22, 0x27].contains(text[position + 1]):
            position += 1
            return try checked(.bytes(Array(try quoted().utf8) + [0]), expected)
        case let byte? where (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte): return try keyword(expected, depth)
        default: return try number(expected ?? "")
        }
    }

    private func checked(_ value: DBusValue, _ expected: String?) throws(Malformed) -> DBusValue {
        guard expected == nil || expected == value.signature else {
            throw malformed("value of type \"\(value.signature)\" where \"\(expected ?? "")\" is expected")
        }
        return value
    }

    private mutating func keyword(_ expected: String?, _ depth: Int) throws(Malformed) -> DBusValue {
        let start = position
        let word = word(Self.isLetter)
        if word == "true" || word == "false" { return try checked(.boolean(word == "true"), expected) }
        if let type = Self.keywords[word] {
            return try checked(value(expected: type, depth: depth + 1), expected)
        }
        position = start
        return try number(expected ?? "")
    }

    private mutating func string(_ expected: String?) throws(Malformed) -> DBusValue {
        let text = try quoted()
        switch expected ?? "s" {
        case "s": return .string(text)
        case "o": return .objectPath(text)
        case "g": return .signature(text)
        case let type: throw malformed("string where \"\(type)\" is expected")
        }
    }

    private mutating func quoted() throws(Malformed) -> String {
        let quote = current
        position += 1
        var content: [UInt8] = []
        while let byte = current, byte != quote {
            position += 1
            guard byte == UInt8(ascii: "\\") else {
                content.append(byte)
                continue
            }
            content += try escape()
        }
        guard current == quote else { throw malformed("unterminated string") }
        position += 1
        guard !content.contains(0), let text = String(validating: content, as: UTF8.self) else {
            throw malformed("invalid string")
        }
        return text
    }

    private mutating func escape() throws(Malformed) -> [UInt8] {
        guard let byte = current else { throw malformed("unterminated string") }
        position += 1
        switch byte {
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "a"): return [0x07]
        case UInt8(ascii: "v"): return [0x0B]
        case UInt8(ascii: "u"), UInt8(ascii: "U"):
            let end = position + (byte == UInt8(ascii: "u") ? 4 : 8)
            guard end <= text.count,
                let code = UInt32(String(decoding: text[position..<end], as: UTF8.self), radix: 16),
                let scalar = Unicode.Scalar(code)
            else { throw malformed("invalid escape") }
            position = end
            return Array(String(Character(scalar)).utf8)
        default: return [byte]
        }
    }

    private mutating func number(_ type: String) throws(Malformed) -> DBusValue {
        let text = word { Self.isLetter($0) || "+-.E".utf8.contains($0) }
        func integer<Number: FixedWidthInteger>(_: Number.Type) throws(Malformed) -> Number {
            let digits = text.drop { $0 == "-" || $0 == "+" }
            let sign = text.hasPrefix("-") ? "-" : ""
            let number =
                digits.hasPrefix("0x")
                ? Number(sign + digits.dropFirst(2), radix: 16)
                : digits.hasPrefix("0") && digits.count > 1
                    ? Number(sign + digits.dropFirst(), radix: 8) : Number(sign + digits, radix: 10)
            guard let number else { throw malformed("invalid number \"\(text)\"") }
            return number
        }
        let isDecimal = !text.contains("x") && (text.contains(".") || text.contains { $0 == "e" || $0 == "E" })
        switch type.isEmpty ? (isDecimal ? "d" : "i") : type {
        case "y": return .byte(try integer(UInt8.self))
        case "n": return .int16(try integer(Int16.self))
        case "q": return .uint16(try integer(UInt16.self))
        case "i": return .int32(try integer(Int32.self))
        case "u": return .uint32(try integer(UInt32.self))
        case "x": return .int64(try integer(Int64.self))
        case "t": return .uint64(try integer(UInt64.self))
        case "d":
            guard let number = Double(text), number.isFinite else { throw malformed("invalid number \"\(text)\"") }
            return .double(number)
        case let type: throw malformed("expected a value of type \"\(type)\"")
        }
    }
}

// Containers: the first element decides the type of those that follow.
extension GVariantText {
    private mutating func array(_ expected: String?, _ depth: Int) throws(Malformed) -> DBusValue {
        try require("[")
        guard expected?.hasPrefix("a") ?? true else { throw malformed("array where another type is expected") }
        var element = expected.map { String($0.dropFirst()) }
        var values: [DBusValue] = []
        while !accept("]") {
            if !values.isEmpty { try require(",") }
            let value = try value(expected: element, depth: depth + 1)
            element = element ?? value.signature
            values.append(value)
        }
        guard let element else { throw malformed("empty array without a type") }
        return .array(of: element, values)
    }

    private mutating func dictionary(_ expected: String?, _ depth: Int) throws(Malformed) -> DBusValue {
        try require("{")
        guard expected?.hasPrefix("a{") ?? true else { throw malformed("dictionary where another type is expected") }
        var types = expected.map { (key: String($0.dropFirst(2).prefix(1)), value: String($0.dropFirst(3).dropLast())) }
        var entries: [DBusValue] = []
        while !accept("}") {
            if !entries.isEmpty { try require(",") }
            let key = try value(expected: types?.key, depth: depth + 1)
            try require(":")
            let content = try value(expected: types?.value, depth: depth + 1)
            types = types ?? (key.signature, content.signature)
            entries.append(.entry(key, content))
        }
        guard let types else { throw malformed("empty dictionary without a type") }
        return .array(of: "{\(types.key)\(types.value)}", entries)
    }

    private mutating func tuple(_ expected: String?, _ depth: Int) throws(Malformed) -> DBusValue {
        try require("(")
        var types: [String]?
        if let expected {
            guard expected.hasPrefix("("), let inner = DBusSignature.split(Array(expected.utf8.dropFirst().dropLast()))
            else { throw malformed("tuple where another type is expected") }
            types = inner.map { String(decoding: $0, as: UTF8.self) }
        }
        var fields: [DBusValue] = []
        while !accept(")") {
            if !fields.isEmpty {
                try require(",")
                // A tuple of one has a comma at its end.
                if accept(")") { break }
            }
            let type = types.flatMap { fields.count < $0.count ? $0[fields.count] : nil }
            fields.append(try value(expected: type, depth: depth + 1))
        }
        guard !fields.isEmpty, types == nil || types?.count == fields.count else { throw malformed("invalid tuple") }
        return .structure(fields)
    }
}
