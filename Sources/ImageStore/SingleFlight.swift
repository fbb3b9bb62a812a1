// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Synchronization

/// Lets equal operations that run at the same time be one: the second joins the first and gets its result.
///
/// The operation is cancelled when all its callers have given up; one that gives up alone still waits for its end.
final class SingleFlight<Key: Hashable & Sendable, Value: Sendable, Progress: Sendable>: Sendable {
    typealias Observer = @Sendable (Progress) -> Void

    private final class Flight: Sendable {
        struct State {
            var callers = 0
            var observers: [Observer] = []
        }
        let state = Mutex(State())
        let task = Mutex<Task<Value, any Error>?>(nil)

        func report(_ progress: Progress) {
            for observer in state.withLock({ $0.observers }) { observer(progress) }
        }
    }

    private let flights = Mutex<[Key: Flight]>([:])

    /// Joins the operation of that key, or begins it.
    func run(
        _ key: Key, observer: Observer?,
        _ operation: @escaping @Sendable (@escaping Observer) async throws -> Value
    ) async throws -> Value {
        let (flight, task) = join(key, observer, operation)
        return try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            leave(flight, key)
        }
    }

    private func join(
        _ key: Key, _ observer: Observer?,
        _ operation: @escaping @Sendable (@escaping Observer) async throws -> Value
    ) -> (Flight, Task<Value, any Error>) {
        flights.withLock { flights in
            let flight = flights[key] ?? Flight()
            flight.state.withLock { state in
                state.callers += 1
                if let observer { state.observers.append(observer) }
            }
            if let running = flight.task.withLock({ $0 }) { return (flight, running) }
            flights[key] = flight
            let task = Task {
                defer { self.end(key, flight) }
                return try await operation { flight.report($0) }
            }
            flight.task.withLock { $0 = task }
            return (flight, task)
        }
    }

    private func end(_ key: Key, _ flight: Flight) {
        flights.withLock { flights in
            if flights[key] === flight { flights[key] = nil }
        }
    }

    private func leave(_ flight: Flight, _ key: Key) {
        let remaining = flight.state.withLock { state in
            state.callers -= 1
            return state.callers
        }
        guard remaining == 0 else { return }
        // Whoever comes now begins anew instead of joining what is being cancelled.
        end(key, flight)
        flight.task.withLock { $0 }?.cancel()
    }
}
