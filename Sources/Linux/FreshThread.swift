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
            do throws(Errno) {
                pthread_detach(try start(job))
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        return try result.get()
    }

    /// Runs the body with each number below the count, all at the same time, and returns when all have ended. Blocks.
    package static func concurrently(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        guard count > 0 else { return }
        var threads: [pthread_t] = []
        // One is for this thread, and so are those for which there is none.
        var own = [0]
        for index in 1..<max(1, count) {
            do throws(Errno) { threads.append(try start(Job { body(index) })) } catch { own.append(index) }
        }
        for index in own { body(index) }
        for thread in threads { pthread_join(thread, nil) }
    }

    private static func start(_ job: Job) throws(Errno) -> pthread_t {
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
        guard failure == 0 else {
            unsafe Unmanaged<Job>.fromOpaque(box).release()
            throw Errno(rawValue: failure)
        }
        return thread
    }
}
