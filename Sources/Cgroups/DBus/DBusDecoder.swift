// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Reads values from the bytes of a message. What the specification forbids is refused: lengths beyond the end, padding
/// that is not zero, text that is not UTF-8, types that are none, nesting without end.
struct DBusDecoder {
    private let bytes: [UInt8]
    private var position: Int
    private let end: Int

    /// A value lies beyond the end, or is malformed; the word tells where.
    struct Malformed: Error, Hashable {
        var what: String
    }

    /// Alignment counts from the first byte of the array.
    init(_ bytes: [UInt8], from start: Int = 0, upTo end: Int? = nil) {
        self.bytes = bytes
        position = start
        self.end = min(end ?? bytes.count, bytes.count)
    }

    var isAtEnd: Bool { position == end }

    /// One value for each complete type of the signature.
    mutating func read(_ signature: String) throws(Malformed) -> [DBusValue] {
        guard let types = DBusSignature.split(Array(signature.utf8)) else { throw Malformed(what: "signature") }
        var values: [DBusValue] = []
        for type in types { values.append(try value(type, depth: 0)) }
        return values
    }

    mutating func align(_ alignment: Int) throws(Malformed) {
        while !position.isMultiple(of: alignment) {
            guard try byte() == 0 else { throw Malformed(what: "padding") }
        }
    }

    private mutating func byte() throws(Malformed) -> UInt8 {
        guard position < end else { throw Malformed(what: "length") }
        position += 1
        return bytes[position - 1]
    }

    mutating func number<Number: FixedWidthInteger>(_: Number.Type) throws(Malformed) -> Number {
        try align(Number.bitWidth / 8)
        var number: Number = 0
        for shift in stride(from: 0, to: Number.bitWidth, by: 8) { number |= Number(try byte()) << shift }
        return number
    }

    private mutating func text(length: Int) throws(Malformed) -> String {
        guard length <= end - position else { throw Malformed(what: "length") }
        let content = bytes[position..<position + length]
        position += length
        guard try byte() == 0, !content.contains(0), let text = String(validating: content, as: UTF8.self) else {
            throw Malformed(what: "text")
        }
        return text
    }

    /// The type is one complete type, so it is not empty.
    private mutating func value(_ type: ArraySlice<UInt8>, depth: Int) throws(Malformed) -> DBusValue {
        guard depth <= 64 else { throw Malformed(what: "nesting") }
        switch type.first {
        case UInt8(ascii: "y"): return .byte(try byte())
        case UInt8(ascii: "b"):
            let number = try number(UInt32.self)
            guard number <= 1 else { throw Malformed(what: "boolean") }
            return .boolean(number == 1)
        case UInt8(ascii: "n"): return .int16(try number(Int16.self))
        case UInt8(ascii: "q"): return .uint16(try number(UInt16.self))
        case UInt8(ascii: "i"): return .int32(try number(Int32.self))
        case UInt8(ascii: "u"): return .uint32(try number(UInt32.self))
        case UInt8(ascii: "x"): return .int64(try number(Int64.self))
        case UInt8(ascii: "t"): return .uint64(try number(UInt64.self))
        case UInt8(ascii: "d"): return .double(Double(bitPattern: try number(UInt64.self)))
        case UInt8(ascii: "s"): return .string(try text(length: Int(try number(UInt32.self))))
        case UInt8(ascii: "o"): return .objectPath(try text(length: Int(try number(UInt32.self))))
        case UInt8(ascii: "g"): return .signature(try text(length: Int(try byte())))
        default: return try container(type, depth: depth)
        }
    }

    private mutating func container(_ type: ArraySlice<UInt8>, depth: Int) throws(Malformed) -> DBusValue {
        let inner = type.dropFirst()
        switch type.first {
        case UInt8(ascii: "v"):
            let signature = Array(try text(length: Int(try byte())).utf8)
            guard let types = DBusSignature.split(signature), types.count == 1, let only = types.first else {
                throw Malformed(what: "signature")
            }
            return .variant(try value(only, depth: depth + 1))
        case UInt8(ascii: "a"): return try array(of: inner, depth: depth + 1)
        case UInt8(ascii: "("): return .structure(try fields(inner.dropLast(), depth: depth + 1))
        case UInt8(ascii: "{"):
            let fields = try fields(inner.dropLast(), depth: depth + 1)
            guard fields.count == 2 else { throw Malformed(what: "signature") }
            return .entry(fields[0], fields[1])
        default: throw Malformed(what: "signature")
        }
    }

    private mutating func fields(_ types: ArraySlice<UInt8>, depth: Int) throws(Malformed) -> [DBusValue] {
        try align(8)
        guard let types = DBusSignature.split(Array(types)) else { throw Malformed(what: "signature") }
        var fields: [DBusValue] = []
        for type in types { fields.append(try value(type, depth: depth)) }
        return fields
    }

    /// At most 64 MiB, in elements that each take at least a byte.
    private mutating func array(of type: ArraySlice<UInt8>, depth: Int) throws(Malformed) -> DBusValue {
        let length = Int(try number(UInt32.self))
        try align(DBusSignature.alignment(type.first ?? 0))
        guard length <= 1 << 26, length <= end - position else { throw Malformed(what: "length") }
        let stop = position + length
        var elements: [DBusValue] = []
        while position < stop { elements.append(try value(type, depth: depth)) }
        guard position == stop else { throw Malformed(what: "length") }
        return .array(of: String(decoding: type, as: UTF8.self), elements)
    }
}
