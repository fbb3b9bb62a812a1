// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Builds the bytes of a message by appending; the byte order is little-endian. See the D-Bus specification,
/// "Marshaling (Wire Format)".
struct DBusEncoder {
    private(set) var bytes: [UInt8] = []

    /// Zeros up to the next multiple.
    mutating func align(_ alignment: Int) {
        while !bytes.count.isMultiple(of: alignment) { bytes.append(0) }
    }

    mutating func append(_ value: DBusValue) {
        switch value {
        case .byte(let number): bytes.append(number)
        case .boolean(let truth): append(number: UInt32(truth ? 1 : 0))
        case .int16(let number): append(number: number)
        case .uint16(let number): append(number: number)
        case .int32(let number): append(number: number)
        case .uint32(let number): append(number: number)
        case .int64(let number): append(number: number)
        case .uint64(let number): append(number: number)
        case .double(let number): append(number: number.bitPattern)
        case .string(let text), .objectPath(let text): append(text: text)
        case .signature(let text): append(signature: text)
        case .array(let element, let values): append(values, of: element)
        case .structure(let fields):
            align(8)
            for field in fields { append(field) }
        case .entry(let key, let value):
            align(8)
            append(key)
            append(value)
        case .variant(let value):
            append(signature: value.signature)
            append(value)
        }
    }

    mutating func append(number: some FixedWidthInteger) {
        align(number.bitWidth / 8)
        for shift in stride(from: 0, to: number.bitWidth, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }

    /// Length without the NUL byte, text, NUL byte.
    private mutating func append(text: String) {
        append(number: UInt32(text.utf8.count))
        bytes += text.utf8
        bytes.append(0)
    }

    /// The same with a length of one byte. The longest signature that is sent here has some ten letters.
    private mutating func append(signature text: String) {
        bytes.append(UInt8(clamping: text.utf8.count))
        bytes += text.utf8
        bytes.append(0)
    }

    /// The length counts neither itself nor the zeros before the first element.
    private mutating func append(_ values: [DBusValue], of element: String) {
        append(number: UInt32(0))
        let length = bytes.count - 4
        align(DBusSignature.alignment(element.utf8.first ?? UInt8(ascii: "y")))
        let start = bytes.count
        for value in values { append(value) }
        let count = UInt32(clamping: bytes.count - start)
        for index in 0..<4 { bytes[length + index] = UInt8(truncatingIfNeeded: count >> (8 * index)) }
    }
}
