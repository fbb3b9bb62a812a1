// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import MonitorProtocol

extension Engine {
    /// Has a running container's output go to a new file at its log path; returns when it does. On failure no file is
    /// made.
    func reopenLog(_ id: String) async throws {
        let container = try table.container(id)
        do { try await container.reopenLog() } catch let error as CancellationError { throw error } catch {
            throw ServiceError.wrap(error, "reopen log of container", container.id)
        }
    }
}

extension Container {
    /// So long may the monitor take; what it would do later it does not do at all.
    private static let reopenPatience = Duration.seconds(10)

    func reopenLog() async throws {
        guard state.process != nil else {
            throw ServiceError(.state, "use container", id, "it is \(state.word), not running")
        }
        guard !record.logPath.isEmpty else { throw ServiceError(.state, "use container", id, "it has no log") }
        let link = try await pod.monitorLink()
        let patience = Self.reopenPatience
        let deadline = UInt64(KernelClock.monotonic) + UInt64(patience.components.seconds) * 1_000_000_000
        let request = MonitorRequest.reopenLog(container: id, deadline: deadline)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { _ = try await link.request(request) }
            group.addTask {
                try await Task.sleep(for: patience)
                throw ServiceError(.deadline, "wait for the pod's monitor", nil, "no answer within \(patience)")
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// How much of the output could not be written to the log; nil when nobody can tell. After the container's end its
    /// exit record remembers.
    func lostLogBytes() async -> UInt64? {
        if state.process == nil, let exit = readExitRecord() { return exit.lostBytes }
        guard case .containers(let list)? = try? await pod.monitorLink().request(.list) else { return nil }
        return list.first { $0.container == id }?.lostBytes
    }
}
