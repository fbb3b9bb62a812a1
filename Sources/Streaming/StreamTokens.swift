// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Synchronization

/// The URLs that were given out: each good for one use within a minute, and only so many at a time.
final class StreamTokens: Sendable {
    private struct State {
        var requests: [String: StreamRequest] = [:]
        /// In the order of their end.
        var ends: [(token: String, end: ContinuousClock.Instant)] = []
    }

    static let lifetime = Duration.seconds(60)
    static let limit = 1000

    private let state = Mutex(State())

    /// A new token for the request; nil when too many wait for their use.
    func add(_ request: StreamRequest, now: ContinuousClock.Instant = .now) -> String? {
        state.withLock { state in
            let expired = state.ends.prefix { $0.end <= now }
            for (token, _) in expired { state.requests[token] = nil }
            state.ends.removeFirst(expired.count)
            guard state.requests.count < Self.limit else { return nil }
            let token = Self.random()
            state.requests[token] = request
            state.ends.append((token, now + Self.lifetime))
            return token
        }
    }

    /// The request of the token, which is of no more use.
    func take(_ token: String, now: ContinuousClock.Instant = .now) -> StreamRequest? {
        state.withLock { state in
            guard let request = state.requests.removeValue(forKey: token),
                let index = state.ends.firstIndex(where: { $0.token == token })
            else { return nil }
            return state.ends.remove(at: index).end > now ? request : nil
        }
    }

    /// 128 bits from the kernel's generator.
    private static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<32).map { _ in String(Int.random(in: 0..<16, using: &generator), radix: 16) }.joined()
    }
}
