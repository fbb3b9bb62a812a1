// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Glibc
internal import Synchronization

/// Threads for system calls that block, so that Swift's few cooperative threads never do.
///
/// Threads are started when work waits and none is idle, at most `limit` of them, and stay. Never used by the programs
/// with one thread.
///
/// ## Concurrency model
/// The queue and the counters live under one mutex and condition of pthreads; jobs run outside of it.
package final class BlockingPool: Sendable {
    package static let shared = BlockingPool(limit: 64)

    private typealias Job = @Sendable () -> Void
    private struct State {
        var queue: [Job] = []
        var idle = 0
        var threads = 0
    }

    private let limit: Int
    private let state = Mutex(State())
    private let wakeUps: Semaphore

    /// A pool of its own with at most so many threads.
    package init(limit: Int) {
        self.limit = limit
        wakeUps = Semaphore()
    }

    /// Runs the body on a thread of the shared pool and returns what it returns. It is not cancelled: what a system call
    /// has begun, it ends.
    package static func run<Value: Sendable, Failure: Error>(
        _ body: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        try await shared.run(body)
    }

    /// Runs the body on a thread of this pool.
    package func run<Value: Sendable, Failure: Error>(
        _ body: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let result: Result<Value, Failure> = await withCheckedContinuation { continuation in
            submit {
                do throws(Failure) {
                    continuation.resume(returning: .success(try body()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }

    private func submit(_ job: @escaping Job) {
        let startThread = state.withLock { state in
            state.queue.append(job)
            let needed = state.queue.count > state.idle && state.threads < limit
            if needed { state.threads += 1 }
            return needed
        }
        if startThread { start() }
        wakeUps.signal()
    }

    private func start() {
        var thread = pthread_t()
        let box = unsafe Unmanaged.passRetained(self).toOpaque()
        let result = unsafe pthread_create(
            &thread, nil,
            { context in
                // The create call below passes a retained pool and nothing else.
                guard let context = unsafe context else { return nil }
                let pool = unsafe Unmanaged<BlockingPool>.fromOpaque(context).takeRetainedValue()
                pool.work()
            }, box)
        guard result == 0 else {
            unsafe Unmanaged<BlockingPool>.fromOpaque(box).release()
            let remaining = state.withLock { state in
                state.threads -= 1
                return state.threads
            }
            precondition(remaining > 0, "cannot start any thread")
            return
        }
        pthread_detach(thread)
    }

    private func work() -> Never {
        while true {
            state.withLock { $0.idle += 1 }
            wakeUps.wait()
            let job = state.withLock { state in
                state.idle -= 1
                return state.queue.isEmpty ? nil : state.queue.removeFirst()
            }
            job?()
        }
    }
}

/// A counting semaphore of the C library in memory that does not move. See sem_overview(7).
// Unchecked: the pointer never changes, and sem_post(3) and sem_wait(3) may be called from any thread.
@safe private final class Semaphore: @unchecked Sendable {
    private let raw: UnsafeMutablePointer<sem_t>

    init() {
        unsafe raw = .allocate(capacity: 1)
        unsafe sem_init(raw, 0, 0)
    }

    deinit {
        unsafe sem_destroy(raw)
        unsafe raw.deallocate()
    }

    func signal() { unsafe sem_post(raw) }
    func wait() { while unsafe sem_wait(raw) != 0 {} }
}
