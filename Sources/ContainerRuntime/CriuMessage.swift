// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A message to criu(8) in the wire format of protocol buffers: fields as a key (number << 3 | wire type) and a value, of
/// which two wire types occur: 0, a number in groups of seven bits, the lowest first, and 2, a length and that many bytes.
/// The messages are those of images/rpc.proto of criu.
struct CriuMessage {
    private(set) var bytes: [UInt8] = []

    mutating func add(_ field: UInt64, _ number: some BinaryInteger) {
        append(field << 3)
        append(UInt64(truncatingIfNeeded: number))
    }

    mutating func add(_ field: UInt64, _ flag: Bool) { if flag { add(field, 1) } }

    mutating func add(_ field: UInt64, _ content: [UInt8]) {
        append(field << 3 | 2)
        append(UInt64(content.count))
        bytes += content
    }

    mutating func add(_ field: UInt64, _ text: String?) { if let text { add(field, Array(text.utf8)) } }

    mutating func add(_ field: UInt64, _ message: CriuMessage) { add(field, message.bytes) }

    private mutating func append(_ number: UInt64) {
        var rest = number
        while rest > 0x7F {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}

/// The fields of a message that criu has sent.
struct CriuAnswer {
    private var numbers: [UInt64: UInt64] = [:]
    private var contents: [UInt64: [UInt8]] = [:]

    /// nil for bytes that are no message.
    init?(_ bytes: some Collection<UInt8>) {
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            guard let key = Self.number(&rest), let value = Self.number(&rest) else { return nil }
            switch key & 7 {
            case 0: numbers[key >> 3] = value
            case 2:
                guard value <= UInt64(rest.count) else { return nil }
                contents[key >> 3] = Array(rest.prefix(Int(value)))
                rest = rest.dropFirst(Int(value))
            default: return nil
            }
        }
    }

    private static func number(_ rest: inout ArraySlice<UInt8>) -> UInt64? {
        var number: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = rest.popFirst() else { return nil }
            number |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return number }
        }
        return nil
    }

    func number(_ field: UInt64) -> UInt64? { numbers[field] }
    func text(_ field: UInt64) -> String? { contents[field].map { String(decoding: $0, as: UTF8.self) } }
    func message(_ field: UInt64) -> CriuAnswer? { contents[field].flatMap { CriuAnswer($0) } }
}
