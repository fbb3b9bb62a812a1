// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Linux

/// What a URL of the streaming server is good for.
package enum StreamRequest: Hashable, Sendable {
    case exec(container: String, command: [String], StandardStreams)
    case attach(container: String, StandardStreams)
    /// The ports matter to clients over WebSocket only; over SPDY each stream names its own.
    case portForward(pod: String, ports: [UInt16])
}

/// Which streams of a process are carried.
package struct StandardStreams: Hashable, Sendable {
    package var stdin: Bool
    package var stdout: Bool
    /// With a terminal there is none: it has one output.
    package var stderr: Bool
    package var terminal: Bool

    package init(stdin: Bool = false, stdout: Bool = false, stderr: Bool = false, terminal: Bool = false) {
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.terminal = terminal
    }
}

/// A process whose streams are carried. Its descriptors do not block; they are closed at the end.
package enum StreamedProcess: Sendable {
    /// A process with descriptors of its own.
    case started(StartedProcess)
    /// One that others hear, too: a SOCK_SEQPACKET socket, each packet the number of a channel in Kubernetes' protocols and
    /// at most 32,768 bytes: 0 to standard input, 1 from standard output, 2 from error output, 3 the end, 4 the size of the
    /// terminal (rows u16, columns u16, little endian), 255 the end of standard input.
    case joined(SharedFD)
}

/// A process with descriptors of its own.
package struct StartedProcess: Sendable {
    package var stdin: SharedFD?
    package var stdout: SharedFD?
    package var stderr: SharedFD?
    /// Sets the size of its terminal.
    package var resize: @Sendable (WindowSize) -> Void
    /// Waits for its end, and returns the exit code. Cancelled when the client is gone, which is to end the process.
    package var end: @Sendable () async throws -> Int32

    package init(
        stdin: SharedFD?, stdout: SharedFD?, stderr: SharedFD?, resize: @escaping @Sendable (WindowSize) -> Void,
        end: @escaping @Sendable () async throws -> Int32
    ) {
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.resize = resize
        self.end = end
    }
}

/// What the streaming server carries bytes to and from.
package protocol StreamHandler: Sendable {
    /// Starts a command in a container.
    func exec(_ container: String, _ command: [String], _ streams: StandardStreams) async throws -> StreamedProcess
    /// Joins the first process of a container.
    func attach(_ container: String, _ streams: StandardStreams) async throws -> StreamedProcess
    /// A connection to a port of the pod's own loopback, as a nonblocking socket.
    func connect(_ pod: String, port: UInt16) async throws -> SharedFD
}
