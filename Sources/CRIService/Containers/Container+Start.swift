// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import Logging
internal import MonitorProtocol
internal import NRI
internal import NRIAPI
internal import Traces

extension Engine {
    /// Starts a created container.
    func startContainer(_ id: String) async throws {
        let container = try table.container(id)
        do {
            // Goes on when the client gives up: a container is started or it is not.
            try await Work { try await container.start() }.value
        } catch let error as CancellationError { throw error } catch {
            throw ServiceError.wrap(error, "start container", container.id)
        }
    }
}

extension Container {
    /// Lets the container's process run. When that fails the container has exited.
    func start() async throws {
        guard removing == nil else { throw ServiceError(.state, "use container", id, "it is being removed") }
        var created: MonitoredProcess?
        switch state {
        case .created(let process): (created, state) = (process, .starting(process))
        case .restorable: break
        default: throw ServiceError(.state, "use container", id, "it is \(state.word), not created")
        }
        do {
            if created == nil {
                try await restore()
            } else {
                try await tellPlugins(.startContainer, .goesOn)
                try await traced("\(handler.name) start") { try await startProcess(handler.start(id, paths), "start") }
            }
        } catch {
            await startFailed("\(error)")
            throw error
        }
        record.startedAt = record.startedAt == 0 ? KernelClock.realtime : record.startedAt
        if case .starting(let process) = state {
            state = .running(process)
            record.state = .running
        }
        tellStart()
        try await note()
        await notePlugins(.postStartContainer, .goesOn)
    }

    /// Has the monitor run a command after which the container runs.
    func startProcess(_ command: RuntimeCommand, _ verb: String) async throws {
        let request = MonitorRequest.start(container: id, command)
        guard case .ran(let status, let text) = try await pod.monitorLink().request(request) else {
            throw ServiceError(.failed, "run", handler.path, "unexpected answer of the monitor")
        }
        guard status == 0 else {
            let said = RuntimeLog.lastError(paths.runtimeLog(id)) ?? text
            throw ServiceError(.failed, "\(handler.name) \(verb)", nil, said.isEmpty ? "exit status \(status)" : said)
        }
    }

    /// The process never ran: it is ended, and the end is told as one of the start.
    func startFailed(_ message: String) async {
        isKilled = true
        toldStart = true
        await killCgroup()
        let now = KernelClock.realtime
        if record.state != .exited {
            await ended(
                ExitRecord(
                    pid: record.pid ?? 0, code: 128, signal: 0, oomKilled: false, started: UInt64(createdAt),
                    finished: UInt64(now), reason: "StartError"))
        }
        record.exitCode = 128
        record.reason = "StartError"
        record.message = message
        record.startedAt = createdAt
        do { try await save() } catch { engine.log.error("record container \"\(id)\": \(error)") }
    }
}
