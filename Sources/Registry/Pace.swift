// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Whether an answer comes fast enough. A server that sends a byte now and then is never silent, and would otherwise keep
/// a connection, and the turn of another download, for as long as it likes.
struct Pace {
    /// Too few bytes came in a whole window of time.
    struct TooSlow: Error {
        /// Bytes per second.
        var least: Int
    }

    private let least: Int
    private let window: Duration
    private var start: ContinuousClock.Instant
    private var bytes = 0

    /// Begins the first window.
    init(_ settings: RegistrySettings, now: ContinuousClock.Instant = .now) {
        least = settings.minimumRate
        window = settings.stallTimeout
        start = now
    }

    /// So many bytes came. Windows end with bytes: when none come, that is a stall.
    mutating func take(_ count: Int, now: ContinuousClock.Instant = .now) throws(TooSlow) {
        bytes += count
        let time = now - start
        guard time >= window else { return }
        guard Double(bytes) >= Double(least) * (time / .seconds(1)) else { throw TooSlow(least: least) }
        (start, bytes) = (now, 0)
    }

    /// For so long nobody read what came, which is not the server's fault.
    mutating func pause(_ time: Duration) { start += time }
}
