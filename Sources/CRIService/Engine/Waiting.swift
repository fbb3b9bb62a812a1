// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Synchronization

/// A result that one side delivers once and another waits for; whoever waits may be cancelled.
///
/// ## Concurrency model
/// The state is under a mutex; a continuation leaves it exactly once, and is resumed outside of it.
final class Promise<Value: Sendable>: Sendable {
    private enum State {
        case pending
        case waiting([UInt64: CheckedContinuation<Value, any Error>])
        case completed(Result<Value, any Error>)
    }

    private let state = Mutex((State.pending, UInt64(0)))

    /// Delivers; later deliveries are dropped.
    func complete(_ result: Result<Value, any Error>) {
        let waiting = state.withLock { state -> [CheckedContinuation<Value, any Error>] in
            switch state.0 {
            case .completed: return []
            case .pending:
                state.0 = .completed(result)
                return []
            case .waiting(let continuations):
                state.0 = .completed(result)
                return Array(continuations.values)
            }
        }
        for continuation in waiting { continuation.resume(with: result) }
    }

    /// Whether the result is there.
    var isComplete: Bool {
        state.withLock { state in
            if case .completed = state.0 { true } else { false }
        }
    }

    func succeed(_ value: Value) { complete(.success(value)) }

    /// The result; throws CancellationError as soon as the waiting task is cancelled.
    var value: Value {
        get async throws {
            let ticket = state.withLock { state in
                state.1 += 1
                return state.1
            }
            return try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { wait(ticket, $0) }
            } onCancel: {
                cancel(ticket)
            }
        }
    }

    private func wait(_ ticket: UInt64, _ continuation: CheckedContinuation<Value, any Error>) {
        if Task.isCancelled { return continuation.resume(throwing: CancellationError()) }
        let ready = state.withLock { state -> Result<Value, any Error>? in
            switch state.0 {
            case .completed(let result): return result
            case .pending: state.0 = .waiting([ticket: continuation])
            case .waiting(var continuations):
                continuations[ticket] = continuation
                state.0 = .waiting(continuations)
            }
            return nil
        }
        if let ready { continuation.resume(with: ready) } else if Task.isCancelled { cancel(ticket) }
    }

    private func cancel(_ ticket: UInt64) {
        let continuation = state.withLock { state -> CheckedContinuation<Value, any Error>? in
            guard case .waiting(var continuations) = state.0 else { return nil }
            let removed = continuations.removeValue(forKey: ticket)
            state.0 = .waiting(continuations)
            return removed
        }
        continuation?.resume(throwing: CancellationError())
    }
}

/// Work that goes on whether or not somebody waits for it.
struct Work<Value: Sendable>: Sendable {
    private let promise = Promise<Value>()

    /// Begins at once.
    init(_ body: @escaping @Sendable () async throws -> Value) {
        let promise = promise
        Task {
            do { promise.succeed(try await body()) } catch { promise.complete(.failure(error)) }
        }
    }

    /// Its result; throws CancellationError as soon as the waiting task is cancelled, and the work goes on.
    var value: Value {
        get async throws { try await promise.value }
    }
}
