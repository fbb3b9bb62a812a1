// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// The pauses between attempts: each twice as long as the one before, with a little chance so that many clients do not
/// return at once.
struct Backoff {
    let first: Duration
    let longest: Duration
    let retries: Int
    private(set) var used = 0

    init(_ settings: RegistrySettings) {
        first = settings.firstDelay
        longest = settings.longestDelay
        retries = settings.retries
    }

    /// The pause before the next attempt, at least as long as the registry asks for; nil when there is none left.
    mutating func next(atLeast asked: Duration?, chance: Double = .random(in: 0...0.1)) -> Duration? {
        guard used < retries else { return nil }
        let doubled = min(longest, first * Double(1 << min(used, 30)))
        used += 1
        return min(longest, max(doubled, asked ?? .zero)) * (1 + chance)
    }

    /// Begins anew, after progress.
    mutating func reset() { used = 0 }
}
