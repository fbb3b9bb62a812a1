// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import MonitorProtocol

extension MonitorLoop {
    /// Runs `runtime exec --detach` with the client's own descriptors: no byte of it passes through the monitor.
    func exec(_ request: ExecRequest, _ descriptors: [SharedFD], for asker: Asker) {
        guard let container = containers[request.container] else { return fail(asker, unknown(request.container)) }
        guard case .running(let process, _) = container.state else {
            return fail(asker, "exec in container \"\(request.container)\": it is \(container.stateWord), not running")
        }
        guard descriptors.count == (request.stdin ? 3 : 2) else {
            return fail(
                asker, "exec in container \"\(request.container)\": \(descriptors.count) descriptors came with it")
        }
        do {
            let null = try openNull()
            let standard = (request.stdin ? [] : [null.rawValue]) + descriptors.map(\.rawValue)
            let pid = try RuntimeCall.spawn(request.command, standard)
            let session = ExecSession(
                request, asker: asker, container: process.identity.pid, runtime: pid)
            children[pid] = .call(RuntimeCall(.exec(session), asker: asker, output: nil))
            if request.timeoutMilliseconds > 0 {
                session.deadline = deadlines.add(
                    .killExec(session), afterMilliseconds: Int64(request.timeoutMilliseconds))
            }
        } catch {
            fail(asker, "\(error)")
        }
    }

    /// `runtime exec` has ended: the process runs as a child of the monitor now, or has run.
    func finishExecCall(_ session: ExecSession, _ status: ExitStatus) {
        do {
            // Killed at the deadline, the runtime may have made the process all the same.
            if session.timedOut, PIDFile.read(session.request.pidFile) == nil { return execEnded(session, status) }
            guard status.isSuccess || session.timedOut else {
                endDeadline(session)
                let text = session.request.command.failure("", status)
                return fail(session.asker, text, exitStatus: UInt32(truncatingIfNeeded: status.shellCode))
            }
            let made = try claim(session.request.pidFile)
            if case .alive(_, let stat) = made.fate, stat.parent != Syscall.processID {
                throw MonitorError("exec: process \(made.pid) is no child of the monitor")
            }
            reply(session.asker, .execStarted(pid: made.pid))
            session.state = .running(made.pid)
            switch made.fate {
            case .alive:
                children[made.pid] = .exec(session)
                if session.timedOut { session.killAtDeadline() }
            case .ended(let status): execEnded(session, status)
            }
        } catch {
            if session.timedOut { return execEnded(session, status) }
            endDeadline(session)
            fail(session.asker, "\(error)")
        }
    }

    func execEnded(_ session: ExecSession, _ status: ExitStatus) {
        endDeadline(session)
        let signal: UInt32 = if case .signaled(let number) = status { UInt32(number) } else { 0 }
        let code = UInt32(truncatingIfNeeded: status.shellCode) & 0xff
        reply(session.asker, .execExited(ExecExit(code: code, signal: signal, timedOut: session.timedOut)))
    }

    private func endDeadline(_ session: ExecSession) {
        if let deadline = session.deadline { deadlines.cancel(deadline) }
        session.deadline = nil
        // The file has served; a runtime that failed may have left none.
        do throws(Errno) { try Syscall.removeFile(session.request.pidFile) } catch {}
    }
}
