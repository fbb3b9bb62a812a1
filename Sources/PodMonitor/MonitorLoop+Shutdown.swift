// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import MonitorProtocol

extension MonitorLoop {
    private static let shutdownMilliseconds: Int64 = 10_000
    private static let stragglerMilliseconds: Int64 = 50

    func perform(_ action: Deadlines.Action) {
        switch action {
        case .killExec(let session):
            session.noteTimeout()
            kill(session)
        case .killSession(let session, let attempts): killAgain(session, after: attempts)
        case .closeOutputs(let container): closeOutputs(container)
        case .writeRecord(let container): writeRecord(container)
        case .cutOff(let client):
            client.deadline = nil
            detach(client)
        case .resume(let fd, let token, let interest): if knows(token) { resume(fd, token, for: interest) }
        case .settleMemory(let container): settleMemory(of: container)
        case .releaseMemory: releaseMemory()
        case .killStragglers: killStragglers()
        case .giveUpShutdown: giveUpShutdown()
        }
    }

    /// Kills every process of the pod that is the monitor's child; the rest happens as they end.
    func beginShutdown(for asker: Asker?) {
        if case .stopping = phase {
            if let asker { fail(asker, "shutdown: it is under way already") }
            return
        }
        adopt()
        let deadline = deadlines.add(.giveUpShutdown, afterMilliseconds: Self.shutdownMilliseconds)
        phase = .stopping(asker, deadline: deadline)
        killStragglers()
    }

    /// Again and again while it takes: those just killed may leave orphans, which become the monitor's children.
    private func killStragglers() {
        guard case .stopping = phase else { return }
        continueShutdown()
        deadlines.add(.killStragglers, afterMilliseconds: Self.stragglerMilliseconds)
    }

    /// Ends once no child is left.
    func continueShutdown() {
        guard case .stopping(let asker, let deadline) = phase, !killChildren() else { return }
        deadlines.cancel(deadline)
        for container in containers.values { closeOutputs(container) }
        do {
            try resources.remove()
            if let asker { reply(asker, .ok) }
            phase = .ended(status: 0)
        } catch {
            log.write("shutdown: \(error)")
            if let asker {
                fail(asker, "shutdown: \(error)")
                phase = .adopted
            } else {
                phase = .ended(status: 1)
            }
        }
    }

    /// False when there is none.
    private func killChildren() -> Bool {
        // The file is missing in kernels without CONFIG_PROC_CHILDREN: then those that are known are killed.
        let listed = (try? Syscall.readText("/proc/thread-self/children")) ?? ""
        let pids = Set(listed.split { $0.isWhitespace }.compactMap { Int32($0) }).union(children.keys)
        for container in containers.values { container.isKilled = true }
        for pid in pids {
            // A zombie takes the signal too.
            do throws(Errno) { try Syscall.kill(pid, .kill) } catch {}
        }
        return !pids.isEmpty
    }

    private func giveUpShutdown() {
        guard case .stopping(let asker, _) = phase else { return }
        let text = "shutdown: \(children.count) processes did not end within \(Self.shutdownMilliseconds / 1000) s"
        log.write(text)
        if let asker {
            fail(asker, text)
            phase = .adopted
        } else {
            let next = deadlines.add(.giveUpShutdown, afterMilliseconds: Self.shutdownMilliseconds)
            phase = .stopping(nil, deadline: next)
        }
    }
}
