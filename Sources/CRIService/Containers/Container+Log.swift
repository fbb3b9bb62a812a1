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
    /// So many nanoseconds may the monitor take when the client does not say how long it waits, and when it does at most.
    private static let reopenPatience: (unasked: Int64, longest: Int64) = (10_000_000_000, 120_000_000_000)

    /// What the monitor would do after the client has given up it does not do at all.
    func reopenLog() async throws {
        guard state.process != nil else {
            throw ServiceError(.state, "use container", id, "it is \(state.word), not running")
        }
        guard !record.logPath.isEmpty else { throw ServiceError(.state, "use container", id, "it has no log") }
        let link = try await pod.monitorLink()
        let now = KernelClock.monotonic
        let end =
            RequestDeadline.current?.end(within: Self.reopenPatience.longest, from: now)
            ?? now + Self.reopenPatience.unasked
        let request = MonitorRequest.reopenLog(container: id, deadline: UInt64(max(1, end)))
        _ = try await link.request(request, within: .nanoseconds(end - now))
    }

    /// How much of the output could not be written to the log; nil when nobody can tell. After the container's end its
    /// exit record remembers.
    func lostLogBytes() async -> UInt64? {
        if state.process == nil, let exit = readExitRecord() { return exit.lostBytes }
        let answer = try? await pod.monitorLink().request(.list, within: MonitorLink.patience)
        guard case .containers(let list)? = answer else { return nil }
        return list.first { $0.container == id }?.lostBytes
    }
}
