// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// The checksum XXH64 with the seed 0, over bytes that come in pieces. It finds damage, not forgery, at the speed of memory.
/// Source: the xxHash specification, "XXH64 Algorithm Description".
struct XXHash64 {
    private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
    private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
    private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
    private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
    private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

    private var lane1 = prime1 &+ prime2
    private var lane2 = prime2
    private var lane3: UInt64 = 0
    private var lane4 = 0 &- prime1
    private var length: UInt64 = 0
    /// Fewer than 32 bytes that do not fill a stripe yet.
    private var rest: [UInt8] = []

    /// Adds the bytes.
    mutating func update(_ bytes: [UInt8]) {
        length &+= UInt64(bytes.count)
        if rest.isEmpty, bytes.count >= 32 { return consume(bytes) }
        guard rest.count + bytes.count >= 32 else { return rest += bytes }
        let all = rest + bytes
        rest = []
        consume(all)
    }

    /// Adds a number as eight bytes, lowest first.
    mutating func update(_ number: UInt64) {
        update((0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) })
    }

    private mutating func consume(_ bytes: [UInt8]) {
        let stripes = bytes.count / 32
        unsafe bytes.withUnsafeBytes { buffer in
            var (a, b, c, d) = (lane1, lane2, lane3, lane4)
            var offset = 0
            for _ in 0..<stripes {
                a = unsafe Self.round(a, Self.word(buffer, offset))
                b = unsafe Self.round(b, Self.word(buffer, offset + 8))
                c = unsafe Self.round(c, Self.word(buffer, offset + 16))
                d = unsafe Self.round(d, Self.word(buffer, offset + 24))
                offset += 32
            }
            (lane1, lane2, lane3, lane4) = (a, b, c, d)
        }
        rest = Array(bytes[(stripes * 32)...])
    }

    /// The checksum of all bytes so far.
    func finalize() -> UInt64 {
        var hash: UInt64
        if length >= 32 {
            hash = Self.rotate(lane1, 1) &+ Self.rotate(lane2, 7) &+ Self.rotate(lane3, 12) &+ Self.rotate(lane4, 18)
            for lane in [lane1, lane2, lane3, lane4] {
                hash = (hash ^ Self.round(0, lane)) &* Self.prime1 &+ Self.prime4
            }
        } else {
            hash = Self.prime5
        }
        hash &+= length
        var left = rest[...]
        while left.count >= 8 {
            hash = Self.rotate(hash ^ Self.round(0, Self.number(left.prefix(8))), 27) &* Self.prime1 &+ Self.prime4
            left = left.dropFirst(8)
        }
        if left.count >= 4 {
            hash = Self.rotate(hash ^ (Self.number(left.prefix(4)) &* Self.prime1), 23) &* Self.prime2 &+ Self.prime3
            left = left.dropFirst(4)
        }
        for byte in left { hash = Self.rotate(hash ^ (UInt64(byte) &* Self.prime5), 11) &* Self.prime1 }
        hash = (hash ^ (hash >> 33)) &* Self.prime2
        hash = (hash ^ (hash >> 29)) &* Self.prime3
        return hash ^ (hash >> 32)
    }

    private static func round(_ lane: UInt64, _ input: UInt64) -> UInt64 {
        rotate(lane &+ input &* prime2, 31) &* prime1
    }

    private static func rotate(_ value: UInt64, _ count: UInt64) -> UInt64 {
        (value << count) | (value >> (64 - count))
    }

    private static func word(_ buffer: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
        UInt64(littleEndian: unsafe buffer.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
