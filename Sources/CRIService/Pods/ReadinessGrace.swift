// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// How long what was ready is still taken to be, after it began to fail: a network's plugins are replaced while the node works,
/// and a node that is told to be not ready loses its pods.
struct ReadinessGrace<Subject: Equatable & Sendable>: Sendable {
    private let time: Duration
    /// What was ready last, and since when it has been failing.
    private var known: (subject: Subject, failing: ContinuousClock.Instant?)?

    init(_ time: Duration) { self.time = time }

    mutating func noteReady(_ subject: Subject) { known = (subject, nil) }

    /// Whether a failure at that time is too new to count. One that was never ready has no such time.
    mutating func excuses(_ subject: Subject, at now: ContinuousClock.Instant) -> Bool {
        guard let known, known.subject == subject else { return false }
        let since = known.failing ?? now
        self.known = (subject, since)
        return now - since < time
    }
}
