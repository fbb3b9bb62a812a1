// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import NIOCore
internal import Synchronization

/// Chunks on their way from one task that sends to one task that reads: the sender waits until its chunk was taken, so
/// that no more than one lies between them.
///
/// Whoever reads must call `close()` in the end, which lets a waiting sender go; waits are not ended by cancellation.
final class Handoff: AsyncSequence, Sendable {
    /// Nobody reads any more.
    struct Closed: Error {}

    private struct State {
        var chunk: [UInt8]?
        var sender: CheckedContinuation<Void, any Error>?
        var reader: CheckedContinuation<[UInt8]?, any Error>?
        var isEnded = false
        var isClosed = false
        var failure: (any Error)?
    }

    private let state = Mutex(State())

    /// What the sender failed with.
    var failure: (any Error)? { state.withLock { $0.failure } }

    /// Hands a chunk over, and returns when it was taken. Throws `Closed` when nobody will take it.
    func send(_ chunk: [UInt8]) async throws {
        try await withCheckedThrowingContinuation { (sender: CheckedContinuation<Void, any Error>) in
            let (isClosed, reader) = state.withLock { state -> (Bool, CheckedContinuation<[UInt8]?, any Error>?) in
                if state.isClosed { return (true, nil) }
                if let reader = state.reader.take() { return (false, reader) }
                (state.chunk, state.sender) = (chunk, sender)
                return (false, nil)
            }
            if isClosed { sender.resume(throwing: Closed()) }
            if let reader {
                reader.resume(returning: chunk)
                sender.resume()
            }
        }
    }

    /// Nothing more comes.
    func end() { finish(nil) }

    /// Nothing more comes, because of this error, which the reader gets.
    func fail(_ error: any Error) { finish(error) }

    private func finish(_ failure: (any Error)?) {
        let reader = state.withLock { state in
            state.isEnded = true
            state.failure = failure
            return state.reader.take()
        }
        if let failure { reader?.resume(throwing: failure) } else { reader?.resume(returning: nil) }
    }

    /// Nobody reads any more.
    func close() {
        let (sender, reader) = state.withLock { state in
            state.isClosed = true
            return (state.sender.take(), state.reader.take())
        }
        sender?.resume(throwing: Closed())
        reader?.resume(throwing: Closed())
    }

    fileprivate func next() async throws -> [UInt8]? {
        try await withCheckedThrowingContinuation { (reader: CheckedContinuation<[UInt8]?, any Error>) in
            typealias Outcome = (Result<[UInt8]?, any Error>?, CheckedContinuation<Void, any Error>?)
            let (result, sender) = state.withLock { state -> Outcome in
                if let chunk = state.chunk.take() { return (.success(chunk), state.sender.take()) }
                if let failure = state.failure { return (.failure(failure), nil) }
                if state.isClosed { return (.failure(Closed()), nil) }
                if state.isEnded { return (.success(nil), nil) }
                state.reader = reader
                return (nil, nil)
            }
            sender?.resume()
            if let result { reader.resume(with: result) }
        }
    }

    struct AsyncIterator: AsyncIteratorProtocol {
        let handoff: Handoff

        func next() async throws -> ByteBuffer? { try await handoff.next().map { ByteBuffer(bytes: $0) } }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(handoff: self) }
}
