// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

/// A unix domain socket that carries bytes and descriptors. See unix(7).
package struct UnixSocket: ~Copyable, Sendable {
    package enum Kind: Sendable {
        case stream
        /// Keeps the bounds of messages.
        case sequencedPackets
        /// Without a connection: each message comes by itself.
        case datagrams

        var raw: Int32 {
            switch self {
            case .stream: CLX_SOCK_STREAM
            case .sequencedPackets: CLX_SOCK_SEQPACKET
            case .datagrams: CLX_SOCK_DGRAM
            }
        }
    }

    /// One received message; the descriptors are owned by their holders.
    package struct Message: Sendable {
        package var bytes: [UInt8]
        package var descriptors: [SharedFD]
        /// The message or its descriptors did not fit and the rest is lost.
        package var isTruncated: Bool
    }

    package let descriptor: OwnedFD
    package var rawValue: Int32 { descriptor.rawValue }

    package init(adopting descriptor: consuming OwnedFD) { self.descriptor = descriptor }

    /// Gives the descriptor to who closes it.
    package consuming func release() -> Int32 { descriptor.release() }

    /// Two connected sockets. The corresponding system call is `socketpair(2)`.
    package static func pair(_ kind: Kind) throws(Errno) -> SocketPair {
        var ends: (Int32, Int32) = (-1, -1)
        let result = unsafe withUnsafeMutablePointer(to: &ends) { pointer in
            unsafe pointer.withMemoryRebound(to: Int32.self, capacity: 2) { unsafe clx_socketpair(kind.raw, $0) }
        }
        try Errno.check(result)
        return SocketPair(
            first: UnixSocket(adopting: OwnedFD(adopting: ends.0)),
            second: UnixSocket(adopting: OwnedFD(adopting: ends.1)))
    }

    /// Connects to the socket file; a path of any length, or a name in the abstract namespace behind a NUL byte. The corresponding system call is `connect(2)`.
    package static func connect(_ path: String, _ kind: Kind = .stream) throws(Errno) -> UnixSocket {
        let socket = OwnedFD(adopting: try Errno.check(clx_socket(CLX_AF_UNIX, kind.raw, 0)))
        try withAddress(path) { (address) throws(Errno) in
            unsafe try Errno.check(clx_connect_unix(socket.rawValue, address, address.utf8.count))
        }
        return UnixSocket(adopting: socket)
    }

    /// Makes the socket file, which must not exist, and listens. The mode is set before anybody can connect.
    /// The corresponding system calls are `bind(2)`, `chmod(2)` and `listen(2)`.
    package static func listen(
        _ path: String, _ kind: Kind = .stream, mode: UInt32 = 0o600, backlog: Int32 = 128
    ) throws(Errno) -> UnixSocket {
        let socket = OwnedFD(adopting: try Errno.check(clx_socket(CLX_AF_UNIX, kind.raw, 0)))
        try withAddress(path) { (address) throws(Errno) in
            unsafe try Errno.check(clx_bind_unix(socket.rawValue, address, address.utf8.count))
        }
        try Syscall.changeMode(path, mode)
        try Errno.check(clx_listen(socket.rawValue, backlog))
        return UnixSocket(adopting: socket)
    }

    /// Makes way for a server: the socket's folder is made where it is missing, and what `removeStale` removes is gone.
    package static func makeWay(_ path: String) throws(SystemError) {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        if !folder.isEmpty {
            try SystemError.attempt("make directory", folder) { () throws(Errno) in
                try Syscall.makeDirectories(folder, mode: 0o755)
            }
        }
        try SystemError.attempt("listen on", path) { () throws(Errno) in try removeStale(path) }
    }

    /// Removes a socket file that nobody serves, as a server leaves it that was killed. EADDRINUSE where somebody does, EEXIST
    /// for a file of another kind; nothing there is right.
    package static func removeStale(_ path: String) throws(Errno) {
        let status: FileStatus
        do throws(Errno) { status = try Syscall.linkStatus(path) } catch .ENOENT { return }
        guard status.kind == .socket else { throw .EEXIST }
        do throws(Errno) {
            _ = try UnixSocket.connect(path)
        } catch .ECONNREFUSED {
            return try Syscall.removeFile(path)
        }
        throw .EADDRINUSE
    }

    /// Makes the socket file, which must not exist, for messages without a connection. The corresponding system calls are
    /// `bind(2)` and `chmod(2)`.
    package static func bindDatagrams(_ path: String, mode: UInt32) throws(Errno) -> OwnedFD {
        let socket = OwnedFD(adopting: try Errno.check(clx_socket(CLX_AF_UNIX, Kind.datagrams.raw, 0)))
        try withAddress(path) { (address) throws(Errno) in
            unsafe try Errno.check(clx_bind_unix(socket.rawValue, address, address.utf8.count))
        }
        try Syscall.changeMode(path, mode)
        return socket
    }

    /// The kernel's address holds 107 bytes; a longer path is reached through a descriptor of its directory.
    private static func withAddress(_ path: String, _ body: (String) throws(Errno) -> Void) throws(Errno) {
        guard path.utf8.count > 107 else { return try body(path) }
        guard let slash = path.lastIndex(of: "/") else { throw .ENAMETOOLONG }
        let directory = try Syscall.open(String(path[...slash]), [.path, .directory])
        try body("\(directory.procPath)/\(path[path.index(after: slash)...])")
        // Not before: the address goes through this descriptor.
        try directory.close()
    }

    /// The next connection. The corresponding system call is `accept4(2)`.
    package borrowing func accept(nonblocking: Bool = false) throws(Errno) -> UnixSocket {
        let fd = try Errno.check(clx_accept(descriptor.rawValue, nonblocking ? CLX_SOCK_NONBLOCK : 0))
        return UnixSocket(adopting: OwnedFD(adopting: fd))
    }

    /// Sends the bytes with at most 16 descriptors, which stay the caller's; returns the number of bytes sent, which
    /// a stream may cut short. EAGAIN instead of waiting when `wait` is false.
    /// The corresponding system call is `sendmsg(2)` with SCM_RIGHTS.
    @discardableResult
    package borrowing func send(
        _ bytes: [UInt8], descriptors: [Int32] = [], wait: Bool = true
    ) throws(Errno) -> Int {
        let flags = wait ? 0 : CLX_MSG_DONTWAIT
        return unsafe try Errno.check(
            clx_send_fds(descriptor.rawValue, bytes, bytes.count, descriptors, descriptors.count, flags))
    }

    /// The next message, or the next bytes of a stream; no bytes and no descriptors mean that the peer has closed.
    /// EAGAIN instead of waiting when `wait` is false. The corresponding system call is `recvmsg(2)`.
    package borrowing func receive(upTo maximum: Int, wait: Bool = true) throws(Errno) -> Message {
        var fds = [Int32](repeating: -1, count: Int(CLX_MAX_FDS))
        var count = 0
        var truncated: Int32 = 0
        var failure = 0
        let flags = wait ? 0 : CLX_MSG_DONTWAIT
        let number = descriptor.rawValue
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: maximum) { buffer, filled in
            let got = unsafe clx_recv_fds(number, buffer.baseAddress, maximum, &fds, &count, &truncated, flags)
            if got < 0 { failure = got } else { filled = got }
        }
        try Errno.check(failure)
        let received = fds.prefix(count).map { SharedFD(OwnedFD(adopting: $0)) }
        return Message(bytes: bytes, descriptors: received, isTruncated: truncated != 0)
    }

    /// The process that connected or listened. See SO_PEERCRED in unix(7).
    package borrowing func peerProcess() throws(Errno) -> Int32 { try Errno.check(clx_peer_pid(descriptor.rawValue)) }
}

/// Two connected sockets; each is taken once.
package struct SocketPair: ~Copyable {
    package var first: UnixSocket?
    package var second: UnixSocket?

    init(first: consuming UnixSocket, second: consuming UnixSocket) {
        self.first = consume first
        self.second = consume second
    }

    package mutating func takeFirst() -> UnixSocket? { first.take() }
    package mutating func takeSecond() -> UnixSocket? { second.take() }
}
