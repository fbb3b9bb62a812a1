// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Synchronization

/// Spans that have ended and wait to be sent. Whoever adds one never waits: what there is no room for is dropped and
/// counted.
///
/// ## Concurrency model
/// The spans are under a mutex; the stream wakes the one reader when there is a first one.
package final class SpanQueue: Sendable {
    /// How many have come to which end since the start.
    package struct Counts: Hashable, Sendable {
        package var sent: UInt64 = 0
        package var dropped: UInt64 = 0
    }

    private struct State {
        var waiting: [TraceSpan] = []
        var counts = Counts()
    }

    private let state = Mutex(State())
    private let limit: Int
    private let signal: AsyncStream<Void>.Continuation
    /// An element whenever a span came into an empty queue.
    package let arrivals: AsyncStream<Void>

    package init(limit: Int = 2048) {
        self.limit = limit
        (arrivals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    package var counts: Counts { state.withLock { $0.counts } }

    package func add(_ span: TraceSpan) {
        let isFirst = state.withLock { state in
            guard state.waiting.count < limit else {
                state.counts.dropped += 1
                return false
            }
            state.waiting.append(span)
            return state.waiting.count == 1
        }
        if isFirst { signal.yield() }
    }

    /// The oldest spans, which are the caller's from now on.
    package func take(upTo count: Int) -> [TraceSpan] {
        state.withLock { state in
            let taken = Array(state.waiting.prefix(count))
            state.waiting.removeFirst(taken.count)
            return taken
        }
    }

    /// What became of spans that were taken.
    package func note(sent: Int = 0, dropped: Int = 0) {
        state.withLock { state in
            state.counts.sent += UInt64(sent)
            state.counts.dropped += UInt64(dropped)
        }
    }
}
