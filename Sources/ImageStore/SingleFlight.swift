// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Synchronization

/// Lets equal operations that run at the same time be one: the second joins the first and gets its result.
///
/// Each caller holds a lease. The operation is cancelled when the last lease ends; a caller that is cancelled alone gets
/// its `CancellationError` at once and does not disturb the others; with its lease goes all that is kept of it. What the
/// operation made is disposed of when the last lease has ended.
///
/// ## Concurrency model
/// The table and the counts of leases are under one mutex, so that nobody joins what is being given up. The result and
/// those who wait for it are under a mutex of each flight.
final class SingleFlight<Key: Hashable & Sendable, Value: Sendable, Progress: Sendable>: Sendable {
    typealias Observer = @Sendable (Progress) -> Void
    typealias Operation = @Sendable (@escaping Observer) async throws -> Value

    fileprivate struct State {
        /// Of each lease, by its number.
        var observers: [Int: Observer] = [:]
        var waiting: [Int: CheckedContinuation<Value, any Error>] = [:]
        var joined = 0
        var last: Progress?
        var result: Result<Value, any Error>?
    }

    fileprivate final class Flight: Sendable {
        let key: Key
        let state = Mutex(State())
        let task = Mutex<Task<Void, Never>?>(nil)

        init(_ key: Key) { self.key = key }

        /// The number of one more lease, and what was reported last.
        func add(_ observer: Observer?) -> (number: Int, last: Progress?) {
            state.withLock { state in
                state.joined += 1
                state.observers[state.joined] = observer
                return (state.joined, state.last)
            }
        }

        func report(_ progress: Progress) {
            let observers = state.withLock { state in
                state.last = progress
                return state.observers.values
            }
            for observer in observers { observer(progress) }
        }

        func finish(_ result: Result<Value, any Error>) {
            let waiting = state.withLock { state in
                state.result = result
                defer { state.waiting = [:] }
                return state.waiting.values
            }
            for continuation in waiting { continuation.resume(with: result) }
        }
    }

    private struct Table {
        var flights: [Key: Flight] = [:]
        var leases: [ObjectIdentifier: Int] = [:]
    }

    private let table = Mutex(Table())
    private let keepsResults: Bool
    private let dispose: @Sendable (Value) async -> Void

    /// With `keepsResults`, whoever comes after the end of an operation joins it as long as another holds a lease.
    init(keepsResults: Bool = false, dispose: @escaping @Sendable (Value) async -> Void = { _ in }) {
        self.keepsResults = keepsResults
        self.dispose = dispose
    }

    /// Joins the operation of that key, or begins it, and waits for its result.
    func run(_ key: Key, observer: Observer?, _ operation: @escaping Operation) async throws -> Value {
        let lease = join(key, observer: observer, operation)
        do {
            let value = try await lease.value()
            await lease.end()
            return value
        } catch {
            await lease.end()
            throw error
        }
    }

    /// Joins the operation of that key, or begins it. The lease must be ended.
    func join(_ key: Key, observer: Observer?, _ operation: @escaping Operation) -> Lease {
        table.withLock { table in
            if let running = table.flights[key] {
                table.leases[ObjectIdentifier(running), default: 0] += 1
                let (number, last) = running.add(observer)
                if let observer, let last { observer(last) }
                return Lease(self, running, number, hasJoined: true)
            }
            let flight = Flight(key)
            let number = flight.add(observer).number
            table.flights[key] = flight
            table.leases[ObjectIdentifier(flight)] = 1
            let task = Task {
                let result: Result<Value, any Error>
                do {
                    result = .success(try await operation { flight.report($0) })
                } catch {
                    result = .failure(error)
                }
                if case .success = result, self.keepsResults {} else { self.retire(flight) }
                flight.finish(result)
            }
            flight.task.withLock { $0 = task }
            return Lease(self, flight, number, hasJoined: false)
        }
    }

    /// Whoever comes now begins anew.
    private func retire(_ flight: Flight) {
        table.withLock { table in
            if table.flights[flight.key] === flight { table.flights[flight.key] = nil }
        }
    }

    private func leave(_ flight: Flight, _ number: Int) async {
        flight.state.withLock { $0.observers[number] = nil }
        let isLast = table.withLock { table in
            let left = (table.leases[ObjectIdentifier(flight)] ?? 1) - 1
            table.leases[ObjectIdentifier(flight)] = left > 0 ? left : nil
            if left == 0, table.flights[flight.key] === flight { table.flights[flight.key] = nil }
            return left == 0
        }
        guard isLast, let task = flight.task.withLock({ $0 }) else { return }
        task.cancel()
        await task.value
        if case .success(let value) = flight.state.withLock({ $0.result }) { await dispose(value) }
    }

    /// A caller's share in an operation. Used by one task.
    final class Lease: Sendable {
        private let owner: SingleFlight
        private let flight: Flight
        private let number: Int
        private let hasEnded = Mutex(false)
        /// Whether another caller began the operation.
        let hasJoined: Bool

        fileprivate init(_ owner: SingleFlight, _ flight: Flight, _ number: Int, hasJoined: Bool) {
            self.owner = owner
            self.flight = flight
            self.number = number
            self.hasJoined = hasJoined
        }

        /// The result, when it is there. Throws `CancellationError` at once when the task is cancelled.
        func value() async throws -> Value {
            try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    let result = flight.state.withLock { state -> Result<Value, any Error>? in
                        if let result = state.result { return result }
                        if Task.isCancelled { return .failure(CancellationError()) }
                        state.waiting[number] = continuation
                        return nil
                    }
                    if let result { continuation.resume(with: result) }
                }
            } onCancel: {
                let waiting = flight.state.withLock { $0.waiting.removeValue(forKey: number) }
                waiting?.resume(throwing: CancellationError())
            }
        }

        /// Gives the share up; may be repeated. The last one cancels what still runs, waits for its end, and disposes.
        func end() async {
            let isFirst = hasEnded.withLock { ended in
                defer { ended = true }
                return !ended
            }
            if isFirst { await owner.leave(flight, number) }
        }

        /// Lets nobody else join: the result is of no use any more.
        func retire() { owner.retire(flight) }
    }
}
