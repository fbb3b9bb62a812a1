// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Linux

/// A client's connection to a monitor that waits for each message; for tests and tools.
package struct MonitorConnection: ~Copyable {
    private let socket: UnixSocket
    private var lastRequest: UInt32 = 0
    package var rawValue: Int32 { socket.rawValue }

    /// Connects to the `monitor.sock` at the path.
    package init(path: String) throws(SystemError) {
        socket = try SystemError.attempt("connect", path) { () throws(Errno) in
            try UnixSocket.connect(path, .sequencedPackets)
        }
    }

    /// Takes over a connected socket.
    package init(adopting socket: consuming UnixSocket) { self.socket = socket }

    /// Sends a request with descriptors, which stay the caller's; returns its number.
    @discardableResult
    package mutating func send(_ request: MonitorRequest, descriptors: [Int32] = []) throws -> UInt32 {
        lastRequest &+= 1
        try socket.send(try request.encoded(request: lastRequest), descriptors: descriptors)
        return lastRequest
    }

    /// The next message; nil when the monitor closed the connection, or none came in time (negative: no limit).
    package borrowing func receive(milliseconds: Int32 = -1) throws -> MonitorMessage? {
        guard !(try Syscall.poll(socket.rawValue, for: .readable, milliseconds: milliseconds)).isEmpty else {
            return nil
        }
        let packet: [UInt8]
        do throws(Errno) {
            packet = try socket.receive(upTo: MonitorMessage.maximumSize).bytes
        } catch .ECONNRESET {
            // The monitor ended with a request of ours unread.
            return nil
        }
        return packet.isEmpty ? nil : try MonitorMessage(decoding: packet)
    }
}
