// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Linux
internal import MonitorProtocol
package import Streaming

/// The engine as the streaming server sees it.
package struct StreamingBackend: StreamHandler {
    let engine: Engine
    /// How long a program in a pod may take to accept a connection.
    private static let patience = Duration.seconds(10)

    package init(_ engine: Engine) { self.engine = engine }

    package func exec(
        _ id: String, _ command: [String], _ streams: StandardStreams
    ) async throws -> StreamedProcess {
        let container = try engine.table.container(id)
        if streams.terminal {
            let process = try await container.startExec(
                command, .terminal(WindowSize(rows: 0, columns: 0)), endsWithClient: true)
            // Nobody else has it: its mode is ours to choose.
            try process.terminal?.descriptor.setNonblocking(true)
            return .started(Self.started(process, process.terminal, process.terminal, nil))
        }
        let stdin = streams.stdin ? try StandardPipe(read: false) : nil
        let stdout = streams.stdout ? try StandardPipe(read: true) : nil
        let stderr = streams.stderr ? try StandardPipe(read: true) : nil
        let process = try await container.startExec(
            command, .descriptors(stdin: stdin?.theirs, stdout: stdout?.theirs, stderr: stderr?.theirs),
            endsWithClient: true)
        return .started(Self.started(process, stdin?.ours, stdout?.ours, stderr?.ours))
    }

    /// A pipe whose end on our side does not block.
    private struct StandardPipe {
        let ours: SharedFD
        let theirs: SharedFD

        /// With `read` the process writes into it.
        init(read: Bool) throws(Errno) {
            var pipe = try Pipe()
            guard let reader = pipe.takeReader(), let writer = pipe.takeWriter() else { throw .EBADF }
            if read { try reader.setNonblocking(true) } else { try writer.setNonblocking(true) }
            let ends = (SharedFD(reader), SharedFD(writer))
            (ours, theirs) = read ? ends : (ends.1, ends.0)
        }
    }

    /// The process with our ends of its streams. It is hung up when its client leaves.
    private static func started(
        _ process: RunningExec, _ stdin: SharedFD?, _ stdout: SharedFD?, _ stderr: SharedFD?
    ) -> StartedProcess {
        let terminal = process.terminal
        // Held open while the process runs, so that one that closes its terminal may open it again. Without it, its last
        // close is the end.
        let peer = terminal.flatMap { try? SharedFD(Terminal.openPeer(of: $0.rawValue)) }
        return StartedProcess(stdin: stdin, stdout: stdout, stderr: stderr) { size in
            // A terminal whose last user is gone has no size any more.
            if let terminal { try? Terminal.setWindowSize(terminal.rawValue, size) }
        } end: {
            defer { withExtendedLifetime(peer) {} }
            do {
                return Int32(try await process.wait().code)
            } catch let error as CancellationError {
                Task { await process.hangUp() }
                throw error
            }
        }
    }

    package func attach(_ id: String, _ streams: StandardStreams) async throws -> StreamedProcess {
        let container = try engine.table.container(id)
        let socket = try await container.attach(stdin: streams.stdin, stdout: streams.stdout, stderr: streams.stderr)
        return .joined(socket)
    }

    package func connect(_ id: String, port: UInt16) async throws -> SharedFD {
        let pod = try engine.table.pod(id)
        guard await pod.isReady else { throw ServiceError(.state, "connect to pod", pod.id, "it is not ready") }
        let path = pod.plan.usesHostNetwork ? nil : engine.paths.namespace(pod.id, "net")
        do {
            let namespace = try path.map { path in
                SharedFD(
                    try SystemError.attempt("open", path) { () throws(Errno) in try Syscall.open(path, .readOnly) })
            }
            return try await connect(port, in: namespace)
        } catch let error as Errno {
            throw SystemError("connect to", "localhost:\(port)", error)
        }
    }

    /// IPv4 first. Where that is refused, the program may listen on IPv6 alone; when nobody does, the first refusal counts.
    private func connect(_ port: UInt16, in namespace: SharedFD?) async throws -> SharedFD {
        do {
            return try await connect(port, .v4, in: namespace)
        } catch let error as Errno {
            guard error != .ETIMEDOUT, let socket = try? await connect(port, .v6, in: namespace) else { throw error }
            return socket
        }
    }

    /// No thread waits for a program that does not accept: those of other pods go on.
    private func connect(
        _ port: UInt16, _ family: InternetSocket.Family, in namespace: SharedFD?
    ) async throws -> SharedFD {
        let socket = try await BlockingPool.run { () throws(Errno) in
            SharedFD(
                try InternetSocket.beginConnecting(toLoopback: port, family, inNamespace: namespace?.rawValue))
        }
        guard try await engine.loop.wait(for: .writable, of: socket, atMost: Self.patience) else {
            throw Errno.ETIMEDOUT
        }
        try InternetSocket.checkConnection(socket.rawValue)
        return socket
    }
}
