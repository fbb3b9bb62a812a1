// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

// The format of netlink(7), all numbers in the machine's order, little endian here:
//
//     offset  size
//          0     4  length of the message with this header
//          4     2  type, RTM_* of rtnetlink(7)
//          6     2  flags, NLM_F_*
//          8     4  sequence number, repeated in the answer
//         12     4  port of the sender, 0 for the kernel
//         16        the fixed structure of the type, then attributes
//
// An attribute is its length with these four bytes (2 bytes), its type (2), its value, and zeros up to a multiple of 4.

/// A netlink message that grows: what is appended is counted in the length of the message, attributes in their own.
package struct NetlinkMessage: Hashable, Sendable {
    /// Flags of a request.
    package struct Flags: OptionSet, Hashable, Sendable {
        package let rawValue: UInt16
        package init(rawValue: UInt16) { self.rawValue = rawValue }

        package static let request = Flags(rawValue: 0x1)
        /// The kernel shall answer also when all is well.
        package static let acknowledge = Flags(rawValue: 0x4)
        /// Fail where it exists already.
        package static let exclusive = Flags(rawValue: 0x200)
        package static let create = Flags(rawValue: 0x400)
        /// All objects, one message each.
        package static let dump = Flags(rawValue: 0x300)
    }

    package private(set) var bytes: [UInt8] = []

    /// A message that has its header only.
    package init(type: UInt16, _ flags: Flags, sequence: UInt32 = 1) {
        append(UInt32(16))
        append(type)
        append(flags.union(.request).rawValue)
        append(sequence)
        append(UInt32(0))
    }

    /// Appends a number of the fixed structure.
    package mutating func append<Number: FixedWidthInteger>(_ number: Number) {
        bytes += (0..<(Number.bitWidth / 8)).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
        patch(UInt32(bytes.count), at: 0)
    }

    /// Appends an attribute.
    package mutating func appendAttribute(_ type: UInt16, _ value: [UInt8]) {
        append(UInt16(4 + value.count))
        append(type)
        bytes += value
        bytes += [UInt8](repeating: 0, count: (4 - value.count % 4) % 4)
        patch(UInt32(bytes.count), at: 0)
    }

    /// An attribute whose value is a number of 32 bits.
    package mutating func appendAttribute(_ type: UInt16, _ number: UInt32) {
        appendAttribute(type, (0..<4).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) })
    }

    /// An attribute whose value is a text with a NUL at its end.
    package mutating func appendAttribute(_ type: UInt16, _ text: String) {
        appendAttribute(type, Array(text.utf8) + [0])
    }

    private mutating func patch(_ number: UInt32, at offset: Int) {
        for place in 0..<4 where bytes.count >= offset + 4 {
            bytes[offset + place] = UInt8(truncatingIfNeeded: number >> (place * 8))
        }
    }
}

/// A message of the kernel.
package struct NetlinkReply: Hashable, Sendable {
    package var type: UInt16
    /// What follows the header.
    package var payload: ArraySlice<UInt8>

    /// Types of messages that mean the same everywhere: NLMSG_ERROR and NLMSG_DONE.
    static let error: UInt16 = 2
    static let done: UInt16 = 3

    /// The messages of a datagram; nil when it is malformed.
    package static func parse(_ bytes: [UInt8]) -> [NetlinkReply]? {
        var replies: [NetlinkReply] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            guard let length = UInt32(rest, at: 0), let type = UInt16(rest, at: 4), length >= 16, length <= rest.count
            else { return nil }
            replies.append(NetlinkReply(type: type, payload: rest.prefix(Int(length)).dropFirst(16)))
            rest = rest.dropFirst((Int(length) + 3) & ~3)
        }
        return replies
    }

    /// The attributes after a fixed structure of the size, the last one of each type; nil when they are malformed.
    package func attributes(after size: Int) -> [UInt16: ArraySlice<UInt8>]? {
        var found: [UInt16: ArraySlice<UInt8>] = [:]
        var rest = payload.dropFirst(size)
        while rest.count >= 4 {
            guard let length = UInt16(rest, at: 0), let type = UInt16(rest, at: 2), length >= 4, length <= rest.count
            else { return nil }
            // The upper two bits say how the value is to be read.
            found[type & 0x3fff] = rest.prefix(Int(length)).dropFirst(4)
            rest = rest.dropFirst((Int(length) + 3) & ~3)
        }
        return found
    }
}

extension FixedWidthInteger {
    /// Reads a number, least significant byte first; nil where the bytes end before it does.
    package init?(_ bytes: ArraySlice<UInt8>, at offset: Int) {
        let size = Self.bitWidth / 8
        guard bytes.count >= offset + size else { return nil }
        self = bytes.dropFirst(offset).prefix(size).reversed().reduce(0) { $0 << 8 | Self(truncatingIfNeeded: $1) }
    }
}
