// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A network interface as its namespace has it.
package struct NetworkInterface: Hashable, Sendable {
    package var index: Int32
    package var name: String
    package var isUp: Bool
}

/// An address of a network interface.
package struct InterfaceAddress: Hashable, Sendable {
    /// AF_INET or AF_INET6.
    package var family: UInt8
    package var prefixLength: UInt8
    /// RT_SCOPE_*; 0 is global.
    package var scope: UInt8
    /// IFA_F_*.
    package var flags: UInt32
    /// Of the interface itself, of the other end (or the same again), for broadcasts.
    package var local: [UInt8]?
    package var peer: [UInt8]?
    package var broadcast: [UInt8]?

    /// Given by somebody, not by a router's advertisement or a lease, and good beyond its link and its host.
    package var isPermanentAndGlobal: Bool { flags & 0x80 != 0 && scope == 0 }
}

extension NetlinkSocket {
    /// Types of messages, linux/rtnetlink.h.
    enum Message {
        static let newLink: UInt16 = 16
        static let getLink: UInt16 = 18
        static let newAddress: UInt16 = 20
        static let getAddress: UInt16 = 22
    }
    /// IFLA_* of linux/if_link.h.
    enum LinkAttribute {
        static let name: UInt16 = 3
        static let namespace: UInt16 = 28
    }
    /// IFA_* of linux/if_addr.h.
    enum AddressAttribute {
        static let address: UInt16 = 1
        static let local: UInt16 = 2
        static let broadcast: UInt16 = 4
        static let flags: UInt16 = 8
    }
    private static let up: UInt32 = 1

    /// `struct ifinfomsg`: family, padding, type, index, flags, which of the flags change.
    static func linkMessage(
        _ type: UInt16, index: Int32 = 0, flags: UInt32 = 0, change: UInt32 = 0
    ) -> NetlinkMessage {
        var message = NetlinkMessage(type: type, .acknowledge)
        message.append(UInt8(0))
        message.append(UInt8(0))
        message.append(UInt16(0))
        message.append(index)
        message.append(flags)
        message.append(change)
        return message
    }

    /// The interface of a name; ENODEV where there is none.
    package func interface(named name: String) throws(Errno) -> NetworkInterface {
        var message = Self.linkMessage(Message.getLink)
        message.appendAttribute(LinkAttribute.name, name)
        guard let reply = try request(message).first(where: { $0.type == Message.newLink }),
            let index = Int32(reply.payload, at: 4), let flags = UInt32(reply.payload, at: 8)
        else { throw .EPROTO }
        return NetworkInterface(index: index, name: name, isUp: flags & Self.up != 0)
    }

    package func hasInterface(named name: String) throws(Errno) -> Bool {
        do throws(Errno) {
            _ = try interface(named: name)
            return true
        } catch .ENODEV {
            return false
        }
    }

    package func setUp(_ up: Bool, interface index: Int32) throws(Errno) {
        try request(Self.linkMessage(Message.newLink, index: index, flags: up ? Self.up : 0, change: Self.up))
    }

    /// Moves an interface into a network namespace under a name, in one step: EEXIST where that has the name already.
    /// What it is keeps (MTU, link address); its addresses are gone.
    package func move(interface index: Int32, to namespace: Int32, as name: String) throws(Errno) {
        try request(Self.moveMessage(index, namespace, name))
    }

    static func moveMessage(_ index: Int32, _ namespace: Int32, _ name: String) -> NetlinkMessage {
        var message = linkMessage(Message.newLink, index: index)
        message.appendAttribute(LinkAttribute.name, name)
        message.appendAttribute(LinkAttribute.namespace, UInt32(bitPattern: namespace))
        return message
    }

    /// The addresses of an interface.
    package func addresses(of index: Int32) throws(Errno) -> [InterfaceAddress] {
        var message = NetlinkMessage(type: Message.getAddress, .dump)
        // struct ifaddrmsg: all families.
        message.append(UInt32(0))
        message.append(UInt32(0))
        var addresses: [InterfaceAddress] = []
        for reply in try dump(message) where reply.type == Message.newAddress {
            guard let owner = Int32(reply.payload, at: 4) else { throw .EPROTO }
            guard owner == index else { continue }
            guard let address = InterfaceAddress(reply) else { throw .EPROTO }
            addresses.append(address)
        }
        return addresses
    }

    package func add(_ address: InterfaceAddress, to index: Int32) throws(Errno) {
        try request(address.message(for: index))
    }
}

extension InterfaceAddress {
    /// Reads `struct ifaddrmsg` (family, prefix length, flags, scope, index) and its attributes.
    init?(_ reply: NetlinkReply) {
        let header = Array(reply.payload.prefix(8))
        guard header.count == 8, let attributes = reply.attributes(after: 8) else { return nil }
        (family, prefixLength, scope) = (header[0], header[1], header[3])
        // The attribute has the flags of the header too, and those that did not fit there.
        flags = attributes[NetlinkSocket.AddressAttribute.flags].flatMap { UInt32($0, at: 0) } ?? UInt32(header[2])
        local = attributes[NetlinkSocket.AddressAttribute.local].map(Array.init)
        peer = attributes[NetlinkSocket.AddressAttribute.address].map(Array.init)
        broadcast = attributes[NetlinkSocket.AddressAttribute.broadcast].map(Array.init)
    }

    func message(for index: Int32) -> NetlinkMessage {
        var message = NetlinkMessage(type: NetlinkSocket.Message.newAddress, [.acknowledge, .create, .exclusive])
        message.append(family)
        message.append(prefixLength)
        // Whether it is permanent follows from its having no lifetime.
        message.append(UInt8(0))
        message.append(scope)
        message.append(index)
        if let local { message.appendAttribute(NetlinkSocket.AddressAttribute.local, local) }
        if let peer { message.appendAttribute(NetlinkSocket.AddressAttribute.address, peer) }
        if let broadcast { message.appendAttribute(NetlinkSocket.AddressAttribute.broadcast, broadcast) }
        return message
    }
}
