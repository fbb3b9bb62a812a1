// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Reads one packet; the format stands at the top of MonitorMessage.swift.
struct MessageDecoder {
    private let bytes: [UInt8]
    private var position = 0
    private(set) var version: UInt16 = 0
    private(set) var kind: UInt16 = 0
    private(set) var request: UInt32 = 0

    init(_ packet: [UInt8]) throws(MonitorProtocolError) {
        bytes = packet
        version = try number()
        kind = try number()
        request = try number()
        guard MonitorMessage.versions.contains(version) else { throw .unsupportedVersion(version) }
    }

    mutating func number<Number: FixedWidthInteger & UnsignedInteger>() throws(MonitorProtocolError) -> Number {
        let width = Number.bitWidth / 8
        guard width <= bytes.count - position else { throw .truncated }
        var value: Number = 0
        for index in (0..<width).reversed() { value = value << 8 | Number(bytes[position + index]) }
        position += width
        return value
    }

    mutating func flag() throws(MonitorProtocolError) -> Bool {
        let value: UInt8 = try number()
        guard value <= 1 else { throw .invalidValue("flag") }
        return value == 1
    }

    mutating func string() throws(MonitorProtocolError) -> String {
        let length = Int(try number() as UInt32)
        guard length <= bytes.count - position else { throw .truncated }
        guard let text = String(validating: bytes[position..<(position + length)], as: UTF8.self) else {
            throw .invalidValue("string")
        }
        position += length
        return text
    }

    mutating func strings() throws(MonitorProtocolError) -> [String] {
        var list: [String] = []
        for _ in 0..<(try count(ofAtLeast: 4)) { list.append(try string()) }
        return list
    }

    /// The number of items that follow, each of so many bytes or more: a count that cannot be true is refused before
    /// any memory is reserved for it.
    mutating func count(ofAtLeast size: Int) throws(MonitorProtocolError) -> Int {
        let count = Int(try number() as UInt32)
        guard count <= (bytes.count - position) / size else { throw .truncated }
        return count
    }

    mutating func optionalString() throws(MonitorProtocolError) -> String? { try flag() ? try string() : nil }

    mutating func optionalNumber() throws(MonitorProtocolError) -> UInt32? { try flag() ? try number() : nil }

    func finish() throws(MonitorProtocolError) {
        guard position == bytes.count else { throw .trailingBytes(bytes.count - position) }
    }
}
