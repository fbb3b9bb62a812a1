// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Linux

/// A client's connection to a monitor that waits for each message; for tests and tools.
package struct MonitorConnection: ~Copyable {
    private let socket: UnixSocket
    private var lastRequest: UInt32 = 0
    /// The version that requests are written in.
    package var version: UInt16
    /// Those that came with the last message.
    package private(set) var descriptors: [SharedFD] = []
    package var rawValue: Int32 { socket.rawValue }

    /// Connects to the `monitor.sock` at the path.
    package init(path: String, version: UInt16 = MonitorMessage.version) throws(SystemError) {
        self.version = version
        socket = try SystemError.attempt("connect", path) { () throws(Errno) in
            try UnixSocket.connect(path, .sequencedPackets)
        }
    }

    /// Takes over a connected socket.
    package init(adopting socket: consuming UnixSocket, version: UInt16 = MonitorMessage.version) {
        self.socket = socket
        self.version = version
    }

    /// Closes those that came with the last message, unless somebody else has them.
    package mutating func dropDescriptors() { descriptors = [] }

    /// Sends a request with descriptors, which stay the caller's; returns its number.
    @discardableResult
    package mutating func send(_ request: MonitorRequest, descriptors: [Int32] = []) throws -> UInt32 {
        lastRequest &+= 1
        try socket.send(try request.encoded(request: lastRequest, version: version), descriptors: descriptors)
        return lastRequest
    }

    /// The next message; nil when the monitor closed the connection, or none came in time (negative: no limit).
    package mutating func receive(milliseconds: Int32 = -1) throws -> MonitorMessage? {
        guard !(try Syscall.poll(socket.rawValue, for: .readable, milliseconds: milliseconds)).isEmpty else {
            return nil
        }
        let message: UnixSocket.Message
        do throws(Errno) {
            message = try socket.receive(upTo: MonitorMessage.maximumSize)
        } catch .ECONNRESET {
            // The monitor ended with a request of ours unread.
            return nil
        }
        descriptors = message.descriptors
        return message.bytes.isEmpty ? nil : try MonitorMessage(decoding: message.bytes)
    }
}
