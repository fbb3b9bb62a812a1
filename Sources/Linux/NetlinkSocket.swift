// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

/// A conversation with the kernel about network interfaces and addresses: those of the network namespace in which the
/// socket was made, whatever the namespace of its user. See rtnetlink(7).
package struct NetlinkSocket: Sendable {
    private let socket: SharedFD

    /// AF_NETLINK, SOCK_RAW and NETLINK_ROUTE. The corresponding system call is `socket(2)`.
    package init() throws(Errno) { socket = SharedFD(OwnedFD(adopting: try Errno.check(clx_socket(16, 3, 0)))) }

    /// Sends a request that has one answer, and throws what the kernel says to it. Returns the messages before its
    /// acknowledgement.
    @discardableResult
    package func request(_ message: NetlinkMessage) throws(Errno) -> [NetlinkReply] {
        try send(message)
        var replies: [NetlinkReply] = []
        while true {
            for reply in try receive() {
                guard reply.type == NetlinkReply.error else {
                    replies.append(reply)
                    continue
                }
                guard let code = Int32(reply.payload, at: 0) else { throw .EPROTO }
                try Errno.check(code)
                return replies
            }
        }
    }

    /// Sends a request for all objects of a kind, and returns one message for each.
    package func dump(_ message: NetlinkMessage) throws(Errno) -> [NetlinkReply] {
        try send(message)
        var replies: [NetlinkReply] = []
        while true {
            for reply in try receive() {
                switch reply.type {
                case NetlinkReply.done: return replies
                case NetlinkReply.error:
                    guard let code = Int32(reply.payload, at: 0) else { throw .EPROTO }
                    try Errno.check(code)
                default: replies.append(reply)
                }
            }
        }
    }

    /// Without an address a message goes to the kernel.
    private func send(_ message: NetlinkMessage) throws(Errno) {
        guard try Syscall.write(socket.rawValue, message.bytes[...]) == message.bytes.count else { throw .EMSGSIZE }
    }

    /// The kernel fits its datagrams to the reader, up to 32 kB.
    private func receive() throws(Errno) -> [NetlinkReply] {
        let bytes = try socket.descriptor.read(upTo: 65536)
        guard !bytes.isEmpty, let replies = NetlinkReply.parse(bytes) else { throw .EPROTO }
        return replies
    }
}
