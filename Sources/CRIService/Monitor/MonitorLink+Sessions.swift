// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import MonitorProtocol
internal import Synchronization

extension MonitorLink {
    /// Starts a process in a container. Its standard streams are the descriptors, [stdin,] stdout, stderr, or with
    /// `request.terminal` a new terminal; see ExecRequest. The caller's copies of the descriptors may be closed when this
    /// returns. Cancelled before that, it leaves no process.
    func exec(_ request: ExecRequest, descriptors: [SharedFD] = []) async throws -> RunningExec {
        let (started, exit): (Answer, Promise<Answer>)
        do {
            (started, exit) = try await requestProcess(request, descriptors: descriptors)
        } catch let error as CancellationError {
            // The monitor has the first request already, or will have it before this one.
            Task { _ = try? await self.request(.endExec(execID: request.execID)) }
            throw error
        }
        let pid: Int32 = if case .execStarted(let pid) = started.reply { pid } else { 0 }
        return RunningExec(
            id: request.execID, pid: pid, terminal: started.descriptors.first, link: self, exit: exit)
    }

    /// Attaches to a container that is created or runs. Returns our end of the attachment: whole packets of the channels
    /// in AttachPacket.swift, and it does not block. Closing the last descriptor of it detaches.
    func attach(_ request: AttachRequest) async throws -> SharedFD {
        var pair = try SystemError.attempt("create", "socket pair") { () throws(Errno) in
            try UnixSocket.pair(.sequencedPackets)
        }
        guard let ours = pair.takeFirst(), let theirs = pair.takeSecond() else { throw Errno.EBADF }
        let socket = SharedFD(try ours.descriptor.duplicate())
        try socket.descriptor.setNonblocking(true)
        let passed = SharedFD(try theirs.descriptor.duplicate())
        // The copies go: the monitor's is to be the last of its end, the caller's of ours.
        _ = consume ours
        _ = consume theirs
        _ = try await self.request(.attach(request), descriptors: [passed])
        return socket
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

    /// Tells it and its session that their user has left; right also when it has ended. `wait` tells the end. A monitor of
    /// the version before can only kill.
    func hangUp() async {
        // As with `kill`.
        _ = try? await link.request(link.version >= 3 ? .hangUp(execID: id) : .endExec(execID: id))
    }

    /// Kills it and every process of its session; right also when it has ended. `wait` tells the end.
    func kill() async {
        // It fails when the monitor is gone, and its containers with it, or does not know the process any more.
        _ = try? await link.request(.endExec(execID: id))
    }
}
