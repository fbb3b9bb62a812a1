// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import class ContainerRuntime.EnteringProcess
internal import enum ContainerRuntime.ProcessIDFile
internal import Linux
internal import MonitorProtocol

extension MonitorLoop {
    /// Runs a process with the client's own descriptors, or with a terminal whose master goes to the client: no byte of it
    /// passes through the monitor.
    func exec(_ request: ExecRequest, _ descriptors: [SharedFD], for asker: Asker) {
        guard let container = containers[request.container] else { return fail(asker, unknown(request.container)) }
        guard case .running(let process, _) = container.state, let pidfd = process.pidfd else {
            return fail(asker, "exec in container \"\(request.container)\": it is \(container.stateWord), not running")
        }
        let wanted = request.terminal != nil ? 0 : request.stdin ? 3 : 2
        guard descriptors.count == wanted else {
            return fail(
                asker,
                "exec in container \"\(request.container)\": \(descriptors.count) descriptors came with it, not \(wanted)"
            )
        }
        guard execs[request.execID] == nil else {
            return fail(asker, "exec \"\(request.execID)\": the monitor has one of that name")
        }
        do {
            let null = try openNull()
            let given = wanted == 0 ? nil : (request.stdin ? [] : [null.rawValue]) + descriptors.map(\.rawValue)
            let target = (process.identity.pid, pidfd)
            let session =
                switch request.way {
                case .runtime(let command, _, let path):
                    try runExec(
                        request, command, path,
                        streams.ofExec(given ?? Array(repeating: null.rawValue, count: 3)), asker, target.0)
                case .entry(let entry): try enter(request, entry, given.map(streams.give), asker, target)
                }
            execs[request.execID] = session
            if request.timeoutMilliseconds > 0 {
                session.deadline = deadlines.add(
                    .killExec(session), afterMilliseconds: Int64(request.timeoutMilliseconds))
            }
        } catch {
            fail(asker, "\(error)")
        }
    }

    /// So long after each other, and so often, processes are killed that make others as fast.
    private static let killPauseMilliseconds: Int64 = 50
    private static let killAttempts = 200

    /// Kills what an exec has started, all of it.
    func kill(_ session: ExecSession) { finishKilling(session.kill()) }

    /// Goes on later, if there is somebody left in the session.
    func finishKilling(_ session: Int32?) {
        guard let session else { return }
        deadlines.add(.killSession(session, attempts: 1), afterMilliseconds: Self.killPauseMilliseconds)
    }

    func killAgain(_ session: Int32, after attempts: Int) {
        if ExecSession.killSession(session) { return }
        guard attempts < Self.killAttempts else {
            return log.write("exec: processes of session \(session) are made faster than they can be killed")
        }
        deadlines.add(.killSession(session, attempts: attempts + 1), afterMilliseconds: Self.killPauseMilliseconds)
    }

    /// Ends what an exec has started; its end is told to whoever asked for it.
    func endExec(_ name: String, for asker: Asker, _ end: (ExecSession) -> Void) {
        guard let session = execs[name] else {
            return fail(asker, "end exec \"\(name)\": the monitor has none of that name")
        }
        end(session)
        reply(asker, .ok)
    }

    // MARK: By the monitor itself

    private func enter(
        _ request: ExecRequest, _ entry: ContainerEntry, _ streams: [Int32]?, _ asker: Asker,
        _ target: (Int32, SharedPidFD)
    ) throws -> ExecSession {
        let process = try EnteringProcess.spawn(
            EnteringProcess.Request(
                root: entry.root, id: entry.id, arguments: entry.arguments, environment: entry.environment,
                streams: streams, terminal: request.terminal, target: target))
        protection.lift(from: process.pid, towards: target.0)
        let session = ExecSession(request, asker: asker, container: target.0, state: .running(process.pid))
        // Reaped like any other, also when nobody can listen to it.
        children[process.pid] = .exec(session)
        do throws(Errno) {
            session.state = .entering(process, token: try watch(process.rawValue, .entering(session)))
        } catch {
            session.hasFailed = true
            kill(session)
            throw error
        }
        return session
    }

    /// The process on its way into the container has said something, or has arrived.
    func advance(_ session: ExecSession) {
        while case .entering(let process, let token) = session.state {
            do {
                switch try process.next() {
                case .nothing: return
                case .terminal(let master): session.terminal = master
                case .succeeded(let pid): follow(session, to: pid)
                case .failed(let text): failed(session, text)
                case .executed:
                    unwatch(token, process.rawValue)
                    session.state = .running(process.pid)
                    if !session.hasFailed { tellStarted(session, process.pid) }
                    finishIfEnded(session)
                }
            } catch {
                failed(session, "\(error)")
                kill(session)
                unwatch(token, process.rawValue)
                session.state = .running(process.pid)
            }
        }
    }

    /// What runs the program is another process than the one that was cloned, and may have ended already.
    private func follow(_ session: ExecSession, to pid: Int32) {
        if let status = unclaimed.removeValue(forKey: pid) {
            session.ends[pid] = status
        } else {
            children[pid] = .exec(session)
            if session.isKilled { kill(session) }
        }
    }

    private func failed(_ session: ExecSession, _ text: String) {
        session.hasFailed = true
        forget(session)
        fail(session.asker, text)
    }

    private func tellStarted(_ session: ExecSession, _ pid: Int32) {
        reply(session.asker, .execStarted(pid: pid), [session.terminal].compactMap(\.self))
        // Only the client keeps it: the terminal hangs up with it.
        session.terminal = nil
    }

    // MARK: By the runtime

    private func runExec(
        _ request: ExecRequest, _ command: RuntimeCommand, _ consolePath: String?, _ streams: [Int32], _ asker: Asker,
        _ container: Int32
    ) throws -> ExecSession {
        guard (request.terminal != nil) == (consolePath != nil) else {
            throw MonitorError("exec \"\(request.execID)\": a terminal needs a console socket, and the other way round")
        }
        let console = try consolePath.map { path in try ConsoleSocket(path: path) }
        let pid = try RuntimeCall.spawn(command, streams, protection)
        let session = ExecSession(
            request, asker: asker, container: container, state: .starting(pid), console: console)
        children[pid] = .call(RuntimeCall(.exec(session), asker: asker, output: nil))
        return session
    }

    /// `runtime exec` has ended: the process runs as a child of the monitor now, or has run.
    func finishExecCall(_ session: ExecSession, _ status: ExitStatus) {
        guard case .runtime(let command, let pidFile, _) = session.request.way else { return }
        do {
            // Killed, the runtime may have made the process all the same.
            if session.isKilled, ProcessIDFile.read(pidFile) == nil { return execEnded(session, status) }
            guard status.isSuccess || session.isKilled else {
                forget(session)
                let text = command.failure("", status)
                return fail(session.asker, text, exitStatus: UInt32(truncatingIfNeeded: status.shellCode))
            }
            let made = try claim(pidFile)
            if case .alive(_, let stat) = made.fate, stat.parent != Syscall.processID {
                throw MonitorError("exec: process \(made.pid) is no child of the monitor")
            }
            try takeTerminal(session)
            session.state = .running(made.pid)
            tellStarted(session, made.pid)
            switch made.fate {
            case .alive:
                children[made.pid] = .exec(session)
                if session.isKilled { kill(session) }
            case .ended(let status): execEnded(session, status)
            }
        } catch {
            if session.isKilled { return execEnded(session, status) }
            forget(session)
            fail(session.asker, "\(error)")
        }
    }

    private func takeTerminal(_ session: ExecSession) throws {
        guard let console = session.console, let size = session.request.terminal else { return }
        let master = SharedFD(try console.receiveMaster())
        try SystemError.attempt("set size of", "terminal") { () throws(Errno) in
            try Terminal.setWindowSize(master.rawValue, size)
        }
        session.terminal = master
    }

    // MARK: The end

    /// One of the processes of the session has ended: the one that runs the program, or the one that has made that.
    func execEnded(_ session: ExecSession, _ pid: Int32, _ status: ExitStatus) {
        session.ends[pid] = status
        // Its last words may not have been heard yet.
        advance(session)
        finishIfEnded(session)
    }

    private func finishIfEnded(_ session: ExecSession) {
        guard !session.isFinished, let status = session.ends[session.pid] else { return }
        if case .entering(let process, let token) = session.state {
            // The stream ends with the last of them, and only somebody else could keep it open longer.
            guard session.ends[session.firstPID] != nil else { return }
            unwatch(token, process.rawValue)
            session.state = .running(process.pid)
            if !session.hasFailed { tellStarted(session, process.pid) }
        }
        session.isFinished = true
        execEnded(session, status)
    }

    func execEnded(_ session: ExecSession, _ status: ExitStatus) {
        if session.hasFailed { return }
        forget(session)
        let signal: UInt32 = if case .signaled(let number) = status { UInt32(number) } else { 0 }
        let code = UInt32(truncatingIfNeeded: status.shellCode) & 0xff
        reply(session.asker, .execExited(ExecExit(code: code, signal: signal, timedOut: session.timedOut)))
    }

    private func forget(_ session: ExecSession) {
        if let deadline = session.deadline { deadlines.cancel(deadline) }
        session.deadline = nil
        if execs[session.request.execID] === session { execs[session.request.execID] = nil }
        guard case .runtime(_, let pidFile, _) = session.request.way else { return }
        // It has served; a runtime that failed may have left none.
        ProcessIDFile.remove(pidFile)
    }
}
