// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Glibc

/// Threads that nothing else ever uses: what one changes of itself, its namespaces above all, ends with it; and it may wait
/// for as long as it takes, which a thread of `BlockingPool` must not.
///
/// Never used by the programs with one thread.
package enum FreshThread {
    private final class Job: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Runs the body on such a thread and returns what it returns. It is not cancelled: what a system call has begun,
    /// it ends. See pthread_create(3).
    package static func run<Value: Sendable>(
        _ body: @escaping @Sendable () throws(Errno) -> Value
    ) async throws(Errno) -> Value {
        let result: Result<Value, Errno> = await withCheckedContinuation { continuation in
            let job = Job {
                do throws(Errno) {
                    continuation.resume(returning: .success(try body()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
            let failure = start(job)
            if failure != 0 { continuation.resume(returning: .failure(Errno(rawValue: failure))) }
        }
        return try result.get()
    }

    private static func start(_ job: Job) -> Int32 {
        var thread = pthread_t()
        let box = unsafe Unmanaged.passRetained(job).toOpaque()
        let failure = unsafe pthread_create(
            &thread, nil,
            { context in
                // The create call below passes a retained job and nothing else.
                guard let context = unsafe context else { return nil }
                unsafe Unmanaged<Job>.fromOpaque(context).takeRetainedValue().body()
                return nil
            }, box)
        if failure == 0 { pthread_detach(thread) } else { unsafe Unmanaged<Job>.fromOpaque(box).release() }
        return failure
    }
}
