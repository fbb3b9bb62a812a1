// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Synchronization

/// Work that several callers want at the same time is done once, and all get its result.
///
/// A caller that is cancelled leaves at once; the work is cancelled when the last one has left. Results are not kept.
final class SingleFlight<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Flight {
        var number: UInt64
        var waiters: [UInt64: CheckedContinuation<Value, any Error>]
        var task: Task<Void, Never>?
    }

    private struct State {
        var flights: [Key: Flight] = [:]
        var counter: UInt64 = 0

        mutating func ticket() -> UInt64 {
            counter += 1
            return counter
        }
    }

    private let state = Mutex(State())

    /// The result of `work`, or of the same work begun by another caller.
    func value(_ key: Key, _ work: @escaping @Sendable () async throws -> Value) async throws -> Value {
        let ticket = state.withLock { $0.ticket() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let joined = state.withLock { state in
                    // Cancellation sets its flag before it calls the handler below: one of the two sees the waiter.
                    if Task.isCancelled { return false }
                    join(key, ticket, continuation, work, &state)
                    return true
                }
                if !joined { continuation.resume(throwing: CancellationError()) }
            }
        } onCancel: {
            leave(key, ticket)
        }
    }

    private func join(
        _ key: Key, _ ticket: UInt64, _ continuation: CheckedContinuation<Value, any Error>,
        _ work: @escaping @Sendable () async throws -> Value, _ state: inout State
    ) {
        if state.flights[key] != nil {
            state.flights[key]?.waiters[ticket] = continuation
            return
        }
        let number = state.ticket()
        let task = Task {
            let result: Result<Value, any Error>
            do { result = .success(try await work()) } catch { result = .failure(error) }
            self.land(key, number, result)
        }
        state.flights[key] = Flight(number: number, waiters: [ticket: continuation], task: task)
    }

    private func land(_ key: Key, _ number: UInt64, _ result: Result<Value, any Error>) {
        let waiters = state.withLock { state -> [CheckedContinuation<Value, any Error>] in
            guard state.flights[key]?.number == number, let flight = state.flights.removeValue(forKey: key) else {
                return []
            }
            return Array(flight.waiters.values)
        }
        for waiter in waiters { waiter.resume(with: result) }
    }

    private func leave(_ key: Key, _ ticket: UInt64) {
        let (waiter, task) = state.withLock { state -> (CheckedContinuation<Value, any Error>?, Task<Void, Never>?) in
            guard let waiter = state.flights[key]?.waiters.removeValue(forKey: ticket) else { return (nil, nil) }
            guard state.flights[key]?.waiters.isEmpty == true else { return (waiter, nil) }
            return (waiter, state.flights.removeValue(forKey: key)?.task)
        }
        task?.cancel()
        waiter?.resume(throwing: CancellationError())
    }
}
