// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import EngineConfiguration
internal import Linux
internal import Logging
internal import MonitorProtocol

extension Engine {
    /// Stops a container: the stop signal, `timeout` to obey it, then SIGKILL. Unknown or exited is right.
    func stopContainer(_ id: String, timeout: Duration) async throws {
        guard let container = try table.findContainer(id) else { return }
        do { try await container.stop(timeout: timeout) } catch let error as CancellationError { throw error } catch {
            throw ServiceError.wrap(error, "stop container", container.id)
        }
    }
}

/// A stop in progress.
struct StopWork: Sendable {
    var deadline: StopDeadline
    var work: Work<Void>
}

extension Container {
    /// Returns when the container's process has ended, and plugins know. A second request joins the first and may shorten
    /// its time.
    func stop(timeout: Duration) async throws {
        try await endProcess(within: timeout)
        await tellPluginsOfEnd()
    }

    private func endProcess(within timeout: Duration) async throws {
        if let creating, case .creating = state { _ = try? await creating.value }
        if case .restorable = state { return await endUnrestored() }
        guard state.process != nil else { return }
        if let stopping {
            stopping.deadline.shorten(to: timeout)
            return try await stopping.work.value
        }
        let deadline = StopDeadline(after: timeout)
        let begun = StopWork(deadline: deadline, work: Work { try await self.stopNow(deadline, asks: timeout > .zero) })
        stopping = begun
        try await begun.work.value
    }

    private func stopNow(_ deadline: StopDeadline, asks: Bool) async throws {
        defer { stopping = nil }
        // What was created and not started waits for its start and heeds no signal but SIGKILL.
        if asks, case .created = state {
        } else if asks {
            await thaw()
            signal(Signal(rawValue: record.stopSignal))
            if await deadline.wait(for: end) { return }
        }
        isKilled = true
        var pause = Duration.milliseconds(20)
        let patience = ContinuousClock.now + engine.config.runtime.killTimeout
        while ContinuousClock.now < patience {
            signal(.kill)
            if await end.isKept(within: pause) { return }
            // The first process is in the cgroup with all that it started.
            await killCgroup()
            pause = min(pause * 2, .seconds(5))
        }
        let lives = state.process.map { ProcStat.isAlive($0.pid, startTime: $0.startTime) } ?? false
        let cause = lives ? "its process does not end" : "it has ended, and the pod's monitor does not say how"
        throw ServiceError(.failed, "kill container", id, cause)
    }

    /// The end of the process, which may come before the signal, is what is waited for, and not the monitor, which may itself
    /// wait for a disk.
    private func signal(_ signal: Signal) {
        let request = MonitorRequest.signal(container: id, signal: UInt32(signal.rawValue))
        Task {
            do {
                _ = try await pod.monitorLink().request(request, within: MonitorLink.patience)
            } catch {
                engine.log.debug("signal container \"\(id)\": \(error)")
            }
        }
    }
}
