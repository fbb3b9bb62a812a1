// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Cgroups
internal import Linux
internal import Logging
internal import MonitorProtocol
internal import Streaming

/// What requests over HTTP change of containers, as CRI-O has it. The runtime knows which of them are paused, and nobody else:
/// the CRI has no word for it, and tells of them what it tells of those that run.
enum PauseState: String, Sendable {
    case running, paused
}

extension Engine {
    /// Pauses a container or lets it go on; the answer of CRI-O.
    func change(_ id: String, _ request: DocumentRequest, to wanted: PauseState) async -> Document {
        guard !request.isHead else { return Document(.methodNotAllowed, "want GET") }
        guard let container = try? table.container(id) else {
            return Document(.notFound, "there is no container \"\(id)\"")
        }
        do {
            // Goes on when the client gives up: what was begun has an end.
            try await Work { try await container.change(to: wanted) }.value
            return Document(type: "text/html", "200 OK")
        } catch let error as ServiceError where error.code == .state {
            return Document(.conflict, "\(error)")
        } catch {
            return Document(.failed, "\(error)")
        }
    }
}

extension Container {
    /// Has the runtime stop the processes where they are, or let them go on.
    func change(to wanted: PauseState) async throws {
        switch state {
        case .created, .running: break
        case .creating, .restorable, .starting, .exited:
            throw ServiceError(.state, "use container", id, "it is \(stateWord), and not created, running or paused")
        }
        guard !isKilled, !isCheckpointing else {
            throw ServiceError(.state, "use container", id, "it is being \(isKilled ? "killed" : "checkpointed")")
        }
        let isPaused = try await isPaused()
        guard isPaused != (wanted == .paused) else {
            throw ServiceError(.state, "use container", id, "it is \(isPaused ? "paused already" : "not paused")")
        }
        try await run(wanted == .paused ? handler.pause(id, paths) : handler.resume(id, paths))
    }

    /// Whether the runtime says so.
    private func isPaused() async throws -> Bool {
        struct Status: Decodable { var status: String }
        let output = try await run(handler.state(id, paths))
        guard let state = JSON.decode(Status.self, output) else {
            throw ServiceError(.failed, "\(handler.name) state", id, "it said something else than JSON")
        }
        return state.status == "paused"
    }

    /// Runs one of the runtime's quick commands and returns what it said.
    @discardableResult
    private func run(_ command: RuntimeCommand) async throws -> [UInt8] {
        let (log, name) = (paths.runtimeLog(id), handler.name)
        return try await BlockingPool.run {
            let output = try command.run()
            guard output.status.isSuccess else {
                throw ServiceError(.failed, name, nil, RuntimeLog.lastError(log) ?? output.errorText)
            }
            return output.output
        }
    }

    /// Lets processes go on that stand still for whatever reason, so that they can obey a signal. Those whose checkpoint is being
    /// written go on when it is.
    func thaw() async {
        guard !isCheckpointing else { return }
        do {
            let driver = try cgroup()
            try await BlockingPool.run { if driver.exists, try driver.isFrozen() { try driver.thaw() } }
        } catch {
            // What does not obey is killed later, and that thaws.
            engine.log.warning("let container \"\(id)\" go on: \(error)")
        }
    }
}
