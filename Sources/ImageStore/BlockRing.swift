// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Archive
internal import Dispatch
internal import Synchronization

/// Carries a blob from the task that receives it to the thread that unpacks it.
///
/// ## Concurrency model
/// One producer, a task, and one consumer, a thread of its own. The producer waits, without a thread, while more than
/// the limit is queued; the consumer blocks while nothing is. `current` belongs to the consumer alone, all else is
/// under the mutex.
// Unchecked: `current` is touched only by the consumer's thread.
@safe final class BlockRing: BlockSource, @unchecked Sendable {
    private struct State {
        var blocks: [[UInt8]] = []
        var bytes = 0
        /// The producer that waits for room.
        var producer: CheckedContinuation<Void, any Error>?
        var ended = false
        /// Why the producer gave up.
        var failure: (any Error)?
        /// Why the consumer gave up.
        var refusal: (any Error)?
    }

    private let limit: Int
    private let state = Mutex(State())
    /// As many as there are blocks, and one more, which stays, after the end or a failure.
    private let available = DispatchSemaphore(value: 0)
    private var current: [UInt8] = []

    init(limit: Int = 2 << 20) { self.limit = limit }

    /// Queues a block, and waits while too much is queued. Throws what the consumer gave up with.
    func push(_ block: [UInt8]) async throws {
        try Task.checkCancellation()
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let ready = state.withLock { state -> Result<Void, any Error>? in
                    if let refusal = state.refusal { return .failure(refusal) }
                    state.blocks.append(block)
                    state.bytes += block.count
                    available.signal()
                    if state.bytes <= limit { return .success(()) }
                    state.producer = continuation
                    return nil
                }
                if let ready { continuation.resume(with: ready) }
            }
        } onCancel: {
            state.withLock { $0.producer.take() }?.resume(throwing: CancellationError())
        }
    }

    /// Nothing more will come.
    func finish() {
        state.withLock { $0.ended = true }
        available.signal()
    }

    /// Nothing more will come, because of this.
    func fail(_ error: any Error) {
        state.withLock { $0.failure = error }
        available.signal()
    }

    /// Nothing more is wanted, because of this. By the consumer.
    func refuse(_ error: any Error) {
        let waiting = state.withLock { state in
            state.refusal = error
            state.blocks = []
            return state.producer.take()
        }
        waiting?.resume(throwing: error)
    }

    /// The next block; blocks until there is one. By the consumer.
    func nextBlock() throws -> UnsafeRawBufferPointer {
        available.wait()
        let (block, producer) = try state.withLock { state in
            if let failure = state.failure {
                available.signal()
                throw failure
            }
            guard !state.blocks.isEmpty else {
                // The end, which is to be found again by the next call.
                available.signal()
                return ([UInt8](), CheckedContinuation<Void, any Error>?.none)
            }
            let block = state.blocks.removeFirst()
            state.bytes -= block.count
            return (block, state.bytes <= limit ? state.producer.take() : nil)
        }
        producer?.resume()
        current = block
        // The array is kept in `current`, so its storage outlives this call and stays until the next.
        return unsafe current.withUnsafeBytes { unsafe $0 }
    }
}
