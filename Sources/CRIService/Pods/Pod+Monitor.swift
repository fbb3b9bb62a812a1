// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import Linux
internal import Logging
internal import MonitorProtocol

/// The process of a pod's monitor, watched until it ends.
final class MonitorWatch: Sendable {
    /// Delivered when the process has ended.
    let ended = Promise<Void>()

    /// `isChild`: the daemon started it and has to reap it. `onEnd` is called once, on the event loop's thread.
    init(
        _ pidfd: SharedPidFD, loop: DescriptorLoop, isChild: Bool, onEnd: @escaping @Sendable () -> Void
    ) throws(Errno) {
        let (token, ended) = (loop.newToken(), ended)
        try loop.add(pidfd.pidfd.rawValue, .readable, token: token) { _ in
            // A process that has ended stays ready.
            loop.remove(pidfd.pidfd.rawValue, token: token)
            // Adopted by another parent, or reaped already: there is nothing to collect.
            if isChild { _ = try? pidfd.pidfd.reap() }
            ended.succeed(())
            onEnd()
        }
    }
}

extension Pod {
    /// Connects to the monitor, and says hello.
    func connect() async throws {
        let path = paths.monitorSocket(id)
        let link = try SystemError.attempt("connect to monitor", path) { () throws(Errno) in
            try MonitorLink(path: path, loop: engine.loop) { [weak self] event in
                guard let self else { return }
                Task { await self.handle(event) }
            } onClose: { [weak self] in
                guard let self else { return }
                Task { await self.linkClosed() }
            }
        }
        guard try await link.greet() == id else {
            throw ServiceError(.failed, "connect to monitor", path, "it serves another pod")
        }
        self.link = link
    }

    func watchMonitor(_ pidfd: SharedPidFD, isChild: Bool) {
        do throws(Errno) {
            monitor = try MonitorWatch(pidfd, loop: engine.loop, isChild: isChild) { [weak self] in
                guard let self else { return }
                Task { await self.monitorEnded() }
            }
        } catch {
            // Out of memory or watches: the end of the connection tells the same.
            engine.log.error("watch monitor of pod \"\(id)\": \(error)")
        }
    }

    private func handle(_ event: MonitorEvent) async {
        switch event {
        case .exited(let container, let exit):
            await containers[container]?.ended(exit)
        case .logTrouble(let container, let lostBytes, let error):
            let subject = "pod \"\(id)\": log of container \"\(container)\""
            if error.isEmpty {
                engine.log.notice("\(subject): it can be written again; \(lostBytes) bytes are lost")
            } else {
                engine.log.error("\(subject): \(error); what the container writes is dropped and counted")
            }
        }
    }

    /// The connection is gone. With the monitor alive it is made anew; what was asked meanwhile has failed.
    private func linkClosed() async {
        guard link != nil, monitorIsAlive, !endsMonitor else { return }
        link = nil
        engine.repeatUntilDone("meet monitor of pod \"\(id)\"") { try await self.meetLivingMonitor() }
    }

    /// Connects, unless the monitor is met already, or is no more.
    func meetLivingMonitor() async throws {
        guard link == nil, monitorIsAlive, !endsMonitor else { return }
        try await connect()
        try await synchronise()
    }

    /// The process that is on record.
    var monitorIsAlive: Bool {
        guard let pid = record.monitorPID, let start = record.monitorStart else { return false }
        return ProcStat.isAlive(pid, startTime: UInt64(start))
    }

    /// The monitor is dead. Unless the pod is being taken down, its containers cannot go on: nobody would collect their
    /// output and their ends.
    func monitorEnded() async {
        link?.close()
        link = nil
        record.monitorPID = nil
        record.monitorStart = nil
        guard !endsMonitor, record.state != .stopped else { return }
        engine.log.error("pod \"\(id)\": its monitor ended unexpectedly; its containers are killed")
        engine.metrics.count(\.lostMonitors)
        await lose()
    }

    /// Ends a pod whose monitor is gone: kills its containers by their cgroups, and says so in their states.
    func lose() async {
        isStopping = true
        for container in containers.values { await container.monitorLost() }
        guard record.state == .ready else { return }
        record.state = .stopped
        engine.events.post(.containerStoppedEvent, id, of: self)
        do { try await note() } catch { engine.log.error("record pod \"\(id)\": \(error)") }
        // Nothing can use the addresses any more: they are not kept until somebody asks for the pod's end.
        engine.repeatUntilDone("detach pod \"\(id)\"") { try await self.leaveNetwork() }
    }

    /// Asks the monitor how its containers are, and brings ours to that.
    func synchronise() async throws {
        guard case .containers(let list) = try await monitorLink().request(.list, within: MonitorLink.patience)
        else { return }
        let states = Dictionary(list.map { ($0.container, $0.state) }) { $1 }
        for container in containers.values { await container.synchronise(states[container.id]) }
    }
}
