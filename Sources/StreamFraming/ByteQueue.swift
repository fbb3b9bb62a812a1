// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Bytes that came in and are not used yet.
struct ByteQueue: Sendable {
    private var bytes: [UInt8] = []
    private var start = 0

    var count: Int { bytes.count - start }

    mutating func append(_ more: [UInt8]) {
        if count == 0 {
            bytes = more
        } else {
            bytes.removeFirst(start)
            bytes += more
        }
        start = 0
    }

    /// The next bytes, at most so many, which are used now.
    mutating func take(upTo maximum: Int) -> ArraySlice<UInt8> {
        let end = start + min(maximum, count)
        defer { start = end }
        return bytes[start..<end]
    }

    /// The next so many bytes, which must be there, without using them.
    func peek(_ length: Int) -> ArraySlice<UInt8> { bytes[start..<start + length] }

    /// Everything that is left.
    mutating func takeAll() -> [UInt8] { Array(take(upTo: count)) }
}

extension ArraySlice<UInt8> {
    /// The big-endian number that its first `width` bytes are; they are taken away.
    mutating func takeNumber(_ width: Int) -> Int? {
        guard count >= width, width <= 8 else { return nil }
        var number: UInt64 = 0
        for byte in prefix(width) { number = number << 8 | UInt64(byte) }
        self = dropFirst(width)
        return Int(exactly: number)
    }
}

extension [UInt8] {
    /// Appends the number in `width` bytes, big end first.
    mutating func append(_ number: Int, width: Int) {
        for shift in stride(from: (width - 1) * 8, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }
}
