// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Synchronization

/// How long a container that was asked to stop has left. A later request may shorten that, never lengthen it.
///
/// ## Concurrency model
/// The deadline is under a mutex; a wait that the new deadline ends early is woken, and looks again.
final class StopDeadline: Sendable {
    private let state: Mutex<(deadline: ContinuousClock.Instant, wake: Promise<Bool>?)>

    init(after timeout: Duration) { state = Mutex((.now + timeout, nil)) }

    func shorten(to timeout: Duration) {
        let deadline = ContinuousClock.now + timeout
        let wake = state.withLock { state -> Promise<Bool>? in
            guard deadline < state.deadline else { return nil }
            state.deadline = deadline
            return state.wake
        }
        wake?.succeed(false)
    }

    /// Waits until the promise is kept (true) or the deadline has passed (false).
    func wait(for end: Promise<Void>) async -> Bool {
        while true {
            let wake = Promise<Bool>()
            let deadline = state.withLock { state in
                state.wake = wake
                return state.deadline
            }
            if deadline <= .now { return await end.isKept(within: .zero) }
            let tasks = [
                Task { if (try? await end.value) != nil { wake.succeed(true) } },
                Task { if (try? await Task.sleep(until: deadline)) != nil { wake.succeed(false) } },
            ]
            // The promise is kept by one of the two, or by `shorten`.
            let isKept = (try? await wake.value) ?? false
            for task in tasks { task.cancel() }
            if isKept { return true }
        }
    }
}

extension Promise where Value == Void {
    /// Whether it is kept by then.
    func isKept(within time: Duration) async -> Bool {
        if isComplete { return true }
        guard time > .zero else { return false }
        let wake = Promise<Bool>()
        let tasks = [
            Task { if (try? await value) != nil { wake.succeed(true) } },
            Task { if (try? await Task.sleep(for: time)) != nil { wake.succeed(false) } },
        ]
        let isKept = (try? await wake.value) ?? false
        for task in tasks { task.cancel() }
        return isKept
    }
}
