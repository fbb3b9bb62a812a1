// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import MonitorProtocol

extension MonitorLoop {
    /// After its container's end, so long may a process keep the output open and still be heard.
    private static let lingeringMilliseconds: Int64 = 5000
    private static let recordRetryMilliseconds: Int64 = 1000

    /// Reaps all that have ended. Commands of the runtime come first, so that a container's start is known before its
    /// end, and a process that a command has just named is not taken for an orphan.
    func reapChildren() {
        var calls: [(RuntimeCall, ExitStatus)] = []
        var others: [(child: Child, pid: Int32, status: ExitStatus)] = []
        var lostInit = false
        while let (pid, status) = nextEnded() {
            switch children.removeValue(forKey: pid) {
            case .call(let call): calls.append((call, status))
            case .pause: lostInit = true
            case .some(let child): others.append((child, pid, status))
            case nil: unclaimed[pid] = status
            }
        }
        for (call, status) in calls { ended(call, status) }
        for (child, pid, status) in others { ended(child, pid, status) }
        // Last: what ended with it is on record before anything is torn down.
        if lostInit { initEnded() }
        if !children.values.contains(where: \.makesProcess) { unclaimed = [:] }
        continueShutdown()
    }

    private func nextEnded() -> (pid: Int32, status: ExitStatus)? {
        do throws(Errno) {
            return try Syscall.wait(-1, hang: false)
        } catch {
            // ECHILD: there is no child at all.
            return nil
        }
    }

    private func ended(_ call: RuntimeCall, _ status: ExitStatus) {
        switch call.purpose {
        case .create(let container, let console): finishCreate(call, container, console, status)
        case .exec(let session): finishExecCall(session, status)
        case .run: answer(call, status)
        case .start(let container):
            if !status.isSuccess, case .running(let process, _) = container.state {
                container.state = .created(process)
            }
            answer(call, status)
        }
    }

    private func answer(_ call: RuntimeCall, _ status: ExitStatus) {
        guard let output = call.output else { return }
        _ = output.stream.drain(&buffers)
        close(output.stream, nil, output.token)
        reply(
            call.asker, .ran(exitStatus: UInt32(truncatingIfNeeded: status.shellCode), text: output.stream.text))
    }

    private func ended(_ child: Child, _ pid: Int32, _ status: ExitStatus) {
        switch child {
        case .container(let container): ended(container, status)
        case .exec(let session): execEnded(session, pid, status)
        case .call, .pause: break
        }
    }

    /// Nothing can be born in the PID namespace any more, see pid_namespaces(7). A pod that can only fail must not pass for one
    /// that is ready, so it ends whole: its daemon hears that by the monitor's end.
    private func initEnded() {
        resources.namespaces.pauseEnded()
        if case .stopping = phase { return }
        log.write("the init of the pod's PID namespace was killed: the pod ends with it")
        beginShutdown(for: nil)
    }

    /// The pidfd tells that a container's first process has ended. A child is reaped, unless somebody traces it, who may do
    /// that first, in his own time: then the kernel's table tells.
    func firstProcessEnded(_ container: Container, _ token: UInt64) {
        reapChildren()
        guard let process = container.process else { return }
        let (pid, start) = (process.identity.pid, process.identity.startTime)
        children[pid] = nil
        let stat = try? ProcStat(pid)
        ended(container, stat?.startTime == start ? stat?.end : nil)
    }

    /// The first process has ended: what it wrote is logged, the record is written, and then everybody hears of it.
    func ended(_ container: Container, _ status: ExitStatus?) {
        guard let process = container.process else { return }
        let finished = UInt64(KernelClock.realtime)
        // From now on the terminal ends with its last user.
        container.terminalPeer = nil
        for (token, stream) in container.outputs {
            if stream.drain(&buffers) == .end { close(stream, container, token) } else { settle(stream, token) }
        }
        let record = container.record(of: process, status, at: finished)
        container.state = .exited(record)
        unwatchMemory(of: container, process)
        closeInput(of: container)
        if let token = container.processToken, let pidfd = process.pidfd { unwatch(token, pidfd.pidfd.rawValue) }
        writeRecord(container)
        broadcast(.exited(container: container.name, record))
        if container.outputs.isEmpty {
            finishAttached(container)
        } else {
            deadlines.add(.closeOutputs(container), afterMilliseconds: Self.lingeringMilliseconds)
        }
    }

    /// Tries again until the disk takes it: an exit must not be lost.
    func writeRecord(_ container: Container) {
        guard case .exited(let record) = container.state else { return }
        do throws(Errno) {
            try AtomicFile.write(container.request.exitFile, record.text, durable: true)
            return
        } catch {
            if !container.recordFailureIsTold {
                log.write("\(SystemError("write exit record", container.request.exitFile, error)); trying again")
            }
            container.recordFailureIsTold = true
        }
        // A container that is forgotten needs no record any more.
        if containers[container.name] === container {
            deadlines.add(.writeRecord(container), afterMilliseconds: Self.recordRetryMilliseconds)
        }
    }

    // MARK: Output

    func carry(_ stream: OutputStream, _ container: Container?, _ token: UInt64) {
        releaseMemorySoon()
        if stream.read(&buffers) == .end { return close(stream, container, token) }
        if !stream.listeners.isEmpty { settle(stream, token) }
    }

    func close(_ stream: OutputStream, _ container: Container?, _ token: UInt64) {
        stream.finish(&buffers)
        unwatch(token, stream.rawValue)
        guard let container else { return }
        container.outputs[token] = nil
        noteLoss(in: container)
        finishAttached(container)
    }

    /// What was lost of the last output, after the first process's end, is to be in the record too.
    private func noteLoss(in container: Container) {
        guard container.outputs.isEmpty, case .exited(var record) = container.state,
            record.lostBytes != container.log.lostBytes
        else { return }
        record.lostBytes = container.log.lostBytes
        container.state = .exited(record)
        writeRecord(container)
    }

    func closeOutputs(_ container: Container) {
        for (token, stream) in container.outputs { close(stream, container, token) }
    }
}

extension MonitorLoop.Child {
    fileprivate var makesProcess: Bool {
        switch self {
        case .call(let call): return call.makesProcess
        case .exec(let session):
            if case .entering = session.state { return true } else { return false }
        case .pause, .container: return false
        }
    }
}
