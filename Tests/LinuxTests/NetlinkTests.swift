// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Testing

@testable import Linux

/// The bytes are those of a little-endian machine, split by field.
@Suite("Netlink")
struct NetlinkTests {
    @Test func moveOfAnInterface() {
        let expected: [UInt8] = [
            // Length of the message: 16 + 16 + 12 + 8.
            0x34, 0, 0, 0,
            // RTM_NEWLINK; NLM_F_REQUEST and NLM_F_ACK; sequence number; port.
            0x10, 0, 0x05, 0, 1, 0, 0, 0, 0, 0, 0, 0,
            // struct ifinfomsg: family and padding, type, index 258, flags, change.
            0, 0, 0, 0, 0x02, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            // IFLA_IFNAME "eth10" with its NUL: 10 bytes, two of padding that its length does not count.
            0x0a, 0, 0x03, 0, 0x65, 0x74, 0x68, 0x31, 0x30, 0, 0, 0,
            // IFLA_NET_NS_FD 7.
            0x08, 0, 0x1c, 0, 7, 0, 0, 0,
        ]
        #expect(NetlinkSocket.moveMessage(258, 7, "eth10").bytes == expected)
    }

    @Test func newAddress() {
        let address = InterfaceAddress(
            family: 2, prefixLength: 24, scope: 0, flags: 0x80, local: [10, 1, 2, 3], peer: [10, 1, 2, 4],
            broadcast: nil)
        let expected: [UInt8] = [
            // Length; RTM_NEWADDR; NLM_F_REQUEST, NLM_F_ACK, NLM_F_EXCL and NLM_F_CREATE; sequence number; port.
            0x28, 0, 0, 0, 0x14, 0, 0x05, 0x06, 1, 0, 0, 0, 0, 0, 0, 0,
            // struct ifaddrmsg: AF_INET, prefix length, flags, RT_SCOPE_UNIVERSE, index 3.
            2, 24, 0, 0, 3, 0, 0, 0,
            // IFA_LOCAL, IFA_ADDRESS.
            0x08, 0, 0x02, 0, 10, 1, 2, 3, 0x08, 0, 0x01, 0, 10, 1, 2, 4,
        ]
        #expect(address.message(for: 3).bytes == expected)
    }

    @Test func addressesAreRead() throws {
        let datagram: [UInt8] = [
            // RTM_NEWADDR, 44 bytes: 2001:db8::1/64 on interface 9, whose flags do not fit into the header.
            0x34, 0, 0, 0, 0x14, 0, 2, 0, 1, 0, 0, 0, 5, 0, 0, 0, 10, 64, 0x80, 0, 9, 0, 0, 0,
            0x14, 0, 0x01, 0, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
            0x08, 0, 0x08, 0, 0x80, 0x02, 0, 0,
            // NLMSG_DONE.
            0x14, 0, 0, 0, 0x03, 0, 2, 0, 1, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0,
        ]
        let replies = try #require(NetlinkReply.parse(datagram))
        #expect(replies.map(\.type) == [20, 3])
        let address = try #require(InterfaceAddress(replies[0]))
        #expect(address.peer == [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
        #expect(address.local == nil && address.broadcast == nil)
        #expect((address.family, address.prefixLength, address.scope, address.flags) == (10, 64, 0, 0x280))
        #expect(address.isPermanentAndGlobal)
    }

    static let malformed: [[UInt8]] = [
        [1], [0x10, 0, 0, 0], [0x0f, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [0x11, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ]

    @Test(arguments: malformed)
    func brokenDatagramsAreNone(_ bytes: [UInt8]) { #expect(NetlinkReply.parse(bytes) == nil) }

    @Test(arguments: [[3, 0, 1, 0], [9, 0, 1, 0, 1, 2, 3, 4]] as [[UInt8]])
    func brokenAttributesAreNone(_ bytes: [UInt8]) {
        #expect(NetlinkReply(type: 20, payload: bytes[...]).attributes(after: 0) == nil)
    }

    @Test func loopbackIsFound() throws {
        let socket = try NetlinkSocket()
        #expect(try socket.interface(named: "lo").index == 1)
        #expect(throws: Errno.ENODEV) { try socket.interface(named: "skiff-nothing") }
        #expect(try socket.addresses(of: 1).allSatisfy { $0.scope == 254 || $0.scope == 0 })
    }
}
