// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import NIOCore
internal import Synchronization

/// Connections whose clients have not shown a URL yet. Whoever reaches the port can make them: they shall not use up the
/// daemon's descriptors. Where there are too many, the oldest goes: a client that has a URL shows it at once.
final class Lobby: Sendable {
    static let limit = 256

    private struct State {
        var waiting: [(ticket: UInt64, channel: any Channel)] = []
        var next: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Takes a new connection in, which leaves when it closes.
    func enter(_ channel: any Channel) -> UInt64 {
        let (ticket, oldest) = state.withLock { state in
            state.next += 1
            state.waiting.append((state.next, channel))
            let oldest = state.waiting.count > Self.limit ? state.waiting.removeFirst().channel : nil
            return (state.next, oldest)
        }
        oldest?.close(promise: nil)
        channel.closeFuture.whenComplete { _ in self.leave(ticket) }
        return ticket
    }

    /// The client has shown its URL, or is gone; may be repeated.
    func leave(_ ticket: UInt64) {
        state.withLock { state in
            guard let index = state.waiting.firstIndex(where: { $0.ticket == ticket }) else { return }
            state.waiting.remove(at: index)
        }
    }
}
