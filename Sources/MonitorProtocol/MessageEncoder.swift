// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Builds one packet; the format stands at the top of MonitorMessage.swift.
struct MessageEncoder {
    private var bytes: [UInt8] = []
    let version: UInt16

    init(kind: UInt16, request: UInt32, version: UInt16) {
        self.version = version
        append(version)
        append(kind)
        append(request)
    }

    mutating func append<Number: FixedWidthInteger & UnsignedInteger>(_ value: Number) {
        for shift in stride(from: 0, to: Number.bitWidth, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> Number(shift)))
        }
    }

    mutating func append(_ flag: Bool) { bytes.append(flag ? 1 : 0) }

    mutating func append(_ text: String) {
        append(UInt32(text.utf8.count))
        bytes += text.utf8
    }

    mutating func append(_ list: [String]) {
        append(UInt32(list.count))
        for item in list { append(item) }
    }

    mutating func append(_ text: String?) {
        append(text != nil)
        if let text { append(text) }
    }

    mutating func append(_ number: UInt32?) {
        append(number != nil)
        if let number { append(number) }
    }

    func finish() throws(MonitorProtocolError) -> [UInt8] {
        guard bytes.count <= MonitorMessage.maximumSize else { throw .tooLong(bytes.count) }
        return bytes
    }
}
