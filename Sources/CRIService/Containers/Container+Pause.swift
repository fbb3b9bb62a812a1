// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Cgroups
internal import Linux
internal import Logging
internal import MonitorProtocol
internal import Streaming

/// What requests over HTTP change of containers, as CRI-O has it. The freezer of a container's cgroup tells whether it is
/// paused, whoever did that, and nothing else: the CRI has no word for it, and tells of such a container what it tells of one
/// that runs.
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

    /// Whether the processes stand still: not asked of the runtime, which looks at the same cgroup.
    func isPaused() async throws -> Bool {
        let driver = try cgroup()
        return try await BlockingPool.run { try driver.exists && driver.isFrozen() }
    }

    /// Runs one of the runtime's quick commands.
    private func run(_ command: RuntimeCommand) async throws {
        let (log, name) = (paths.runtimeLog(id), handler.name)
        try await BlockingPool.run {
            let output = try command.run()
            guard output.status.isSuccess else {
                throw ServiceError(.failed, name, nil, RuntimeLog.lastError(log) ?? output.errorText)
            }
        }
    }

    /// Lets processes go on that stand still for whatever reason, so that they can obey a signal. Those whose checkpoint is being
    /// written go on when it is.
    func thaw() async {
        guard !isCheckpointing else { return }
        do {
            let driver = try cgroup()
            if try await isPaused() { try await BlockingPool.run { try driver.thaw() } }
        } catch {
            // What does not obey is killed later, and that thaws.
            engine.log.warning("let container \"\(id)\" go on: \(error)")
        }
    }
}
