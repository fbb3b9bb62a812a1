// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Synchronization

/// How fast CPU time is used: the difference to what was counted at an earlier request.
final class CPURates: Sendable {
    private struct Sample {
        /// ns since 1970.
        var time: Int64
        /// ns of CPU time.
        var usage: UInt64
        var rate: UInt64
    }

    /// Requests that follow each other faster get the rate of the one before: a window too short says nothing.
    private static let window: Int64 = 500_000_000

    private let samples = Mutex<[String: Sample]>([:])

    /// Nanoseconds of CPU time per second. The first request gets the mean since the beginning.
    func rate(of id: String, usage: UInt64, at now: Int64, since beginning: Int64) -> UInt64 {
        samples.withLock { samples in
            let last = samples[id] ?? Sample(time: beginning, usage: 0, rate: 0)
            let elapsed = now - last.time
            guard elapsed >= Self.window, usage >= last.usage else { return last.rate }
            let rate = UInt64(Double(usage - last.usage) * 1e9 / Double(elapsed))
            samples[id] = Sample(time: now, usage: usage, rate: rate)
            return rate
        }
    }

    func forget(_ id: String) { samples.withLock { $0[id] = nil } }
}
