// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import MonitorProtocol
internal import Synchronization

extension MonitorLink {
    /// Starts a process in a container. Its standard streams are the descriptors, [stdin,] stdout, stderr, or with
    /// `request.terminal` a new terminal; see ExecRequest. The caller's copies of the descriptors may be closed when this
    /// returns.
    func exec(_ request: ExecRequest, descriptors: [SharedFD] = []) async throws -> RunningExec {
        let (started, exit) = try await requestProcess(request, descriptors: descriptors)
        let pid: Int32 = if case .execStarted(let pid) = started.reply { pid } else { 0 }
        return RunningExec(
            id: request.execID, pid: pid, terminal: started.descriptors.first, link: self, exit: exit)
    }

    /// Attaches to a container that is created or runs.
    func attach(_ request: AttachRequest) async throws -> AttachSocket {
        var pair = try SystemError.attempt("create", "socket pair") { () throws(Errno) in
            try UnixSocket.pair(.sequencedPackets)
        }
        guard let ours = pair.takeFirst(), let theirs = pair.takeSecond() else { throw Errno.EBADF }
        let socket = AttachSocket(ours)
        let passed = SharedFD(try theirs.descriptor.duplicate())
        // The copy goes when it is sent: the monitor's is to be the last.
        _ = consume theirs
        _ = try await self.request(.attach(request), descriptors: [passed])
        return socket
    }

    /// Sets the size of a container's terminal.
    func resize(_ container: String, _ size: WindowSize) async throws {
        _ = try await request(.resize(container: container, size))
    }
}

/// A process that runs in a container.
struct RunningExec: Sendable {
    let id: String
    /// In the host's PID namespace; 0 when its time was up before it ran.
    let pid: Int32
    /// The master of its terminal, nil without one. Nobody else has it: its size is set here, with
    /// `Terminal.setWindowSize`, and when the last copy is closed the terminal hangs up.
    let terminal: SharedFD?
    fileprivate let link: MonitorLink
    fileprivate let exit: Promise<MonitorLink.Answer>

    fileprivate init(
        id: String, pid: Int32, terminal: SharedFD?, link: MonitorLink, exit: Promise<MonitorLink.Answer>
    ) {
        self.id = id
        self.pid = pid
        self.terminal = terminal
        self.link = link
        self.exit = exit
    }

    /// Waits for its end, not for that of others which keep its output open. What it wrote is in the pipes by then.
    func wait() async throws -> ExecExit {
        guard case .execExited(let exit) = try await exit.value.reply else {
            throw ServiceError(.failed, "run", nil, "unexpected answer of the monitor")
        }
        return exit
    }

    /// Kills it and every process of its session; right also when it has ended. `wait` tells the end.
    func kill() async {
        // It fails when the monitor is gone, and its containers with it, or does not know the process any more.
        _ = try? await link.request(.endExec(execID: id))
    }
}

/// The daemon's end of an attachment: whole packets of the channels in AttachPacket.swift. Nothing here waits: add
/// `rawValue` to an event loop to hear when it is ready. Dropping the last reference detaches.
final class AttachSocket: Sendable {
    private let socket: UnixSocket
    var rawValue: Int32 { socket.rawValue }

    init(_ socket: consuming UnixSocket) { self.socket = socket }

    enum Received: Hashable, Sendable {
        case data(AttachPacket.Channel, ArraySlice<UInt8>)
        /// None is there now.
        case nothingNow
        /// The container's output has ended.
        case end
    }

    /// The next packet. Throws when the monitor has cut this client off, or is gone.
    func receive() throws -> Received {
        let packet: [UInt8]
        do throws(Errno) {
            packet = try socket.receive(upTo: AttachPacket.limit + 1, wait: false).bytes
        } catch .EAGAIN {
            return .nothingNow
        } catch {
            throw ServiceError(.unavailable, "read from container", nil, "\(error)")
        }
        guard let first = packet.first else {
            throw ServiceError(
                .unavailable, "read from container", nil,
                "its output was not taken for too long, or its monitor is gone")
        }
        switch AttachPacket.Channel(rawValue: first) {
        case .end: return .end
        case .some(let channel): return .data(channel, packet.dropFirst())
        case nil: throw ServiceError(.failed, "read from container", nil, "unknown channel \(first)")
        }
    }

    /// Sends at most `AttachPacket.limit` bytes to the container's standard input; false when it takes none now, and
    /// the caller shall wait until the socket is writable.
    func send(stdin bytes: some Sequence<UInt8>) throws(Errno) -> Bool {
        try send([AttachPacket.Channel.stdin.rawValue] + bytes)
    }

    /// Sends the new size of the terminal; false as above, and then it may be dropped for a later one.
    func send(size: WindowSize) throws(Errno) -> Bool { try send(AttachPacket.resize(size)) }

    /// Tells that nothing more comes for standard input; false as above.
    func closeStdin() throws(Errno) -> Bool { try send([AttachPacket.Channel.closeStdin.rawValue]) }

    private func send(_ packet: [UInt8]) throws(Errno) -> Bool {
        do throws(Errno) {
            try socket.send(packet, wait: false)
            return true
        } catch .EAGAIN {
            return false
        }
    }
}
