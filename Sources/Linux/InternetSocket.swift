// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

/// TCP sockets that never block. See ip(7), ipv6(7) and tcp(7).
package enum InternetSocket {
    /// The version of the Internet Protocol.
    package enum Family: Sendable {
        case v4, v6

        fileprivate var raw: Int32 {
            switch self {
            case .v4: CLX_AF_INET
            case .v6: CLX_AF_INET6
            }
        }
    }

    /// Whether the text is an address of either version, as inet_pton(3) reads it.
    package static func isAddress(_ text: String) -> Bool { unsafe clx_is_address(text) == 1 }

    /// Begins to connect to a port of the loopback of a network namespace, nil for the caller's own. The socket is writable
    /// when that is over, and `checkConnection` tells how it went; a refusal may come at once.
    ///
    /// The socket is made on a thread that enters the namespace and ends: no thread of any pool ever leaves its own.
    /// The corresponding system calls are `setns(2)`, `socket(2)` and `connect(2)`.
    package static func beginConnecting(
        toLoopback port: UInt16, _ family: Family, inNamespace namespace: Int32?
    ) throws(Errno) -> OwnedFD {
        let type = CLX_SOCK_STREAM | CLX_SOCK_NONBLOCK
        let number =
            namespace.map { clx_socket_in_namespace($0, family.raw, type) } ?? clx_socket(family.raw, type, 0)
        let socket = OwnedFD(adopting: try Errno.check(number))
        do throws(Errno) { try Errno.check(clx_connect_loopback(socket.rawValue, family.raw, port)) } catch .EINPROGRESS
        {}
        return socket
    }

    /// Throws what a connection has failed with. See SO_ERROR in socket(7).
    package static func checkConnection(_ socket: Int32) throws(Errno) { try Errno.check(clx_socket_error(socket)) }

    /// Listens on a literal address; port 0 is any that is free. The corresponding system calls are `bind(2)` and
    /// `listen(2)`.
    package static func listen(_ address: String, port: UInt16) throws(Errno) -> OwnedFD {
        let type = CLX_SOCK_STREAM | CLX_SOCK_NONBLOCK
        return unsafe OwnedFD(adopting: try Errno.check(clx_listen_inet(address, port, type, 1024)))
    }

    /// The port that the socket has. The corresponding system call is `getsockname(2)`.
    package static func localPort(_ socket: Int32) throws(Errno) -> UInt16 {
        UInt16(truncatingIfNeeded: try Errno.check(clx_local_port(socket)))
    }

    /// The next connection, or EAGAIN. The corresponding system call is `accept4(2)`.
    package static func accept(_ socket: Int32) throws(Errno) -> OwnedFD {
        OwnedFD(adopting: try Errno.check(clx_accept(socket, CLX_SOCK_NONBLOCK)))
    }

    /// Tells the peer that no more comes; that it is gone already is no failure. The corresponding system call is
    /// `shutdown(2)`.
    package static func finishSending(_ socket: Int32) { _ = clx_shutdown_write(socket) }

    /// The close of the last descriptor will reset the connection, as the other side of it was. See SO_LINGER in
    /// socket(7).
    package static func resetOnClose(_ socket: Int32) { _ = clx_reset_on_close(socket) }
}
