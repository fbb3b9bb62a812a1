// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// How long the last operations of one kind took: what a summary of Prometheus is about. As with its libraries' defaults, that
/// is those of the last ten minutes, and no more than some hundreds, which are enough for its quantiles.
struct RecentTimes: Sendable {
    /// Below what share of the operations a quantile is.
    static let quantiles = [0.5, 0.9, 0.99]

    private static let most = 256
    private static let age: Int64 = 600_000_000_000

    /// All of them since the engine was started, in ns.
    private(set) var count: UInt64 = 0
    private(set) var sum: UInt64 = 0
    /// The last.
    private(set) var last: UInt64 = 0
    /// A ring, with the place of the oldest once it is full.
    private var recent: [(ended: Int64, took: UInt64)] = []
    private var oldest = 0

    /// One more has ended; times are in ns, those of the end on a clock that never goes back.
    mutating func add(_ took: UInt64, ended: Int64) {
        count += 1
        sum += took
        last = took
        guard recent.count == Self.most else { return recent.append((ended, took)) }
        recent[oldest] = (ended, took)
        oldest = (oldest + 1) % Self.most
    }

    /// The quantiles at a time, in ns; none where nothing has happened lately.
    func quantiles(now: Int64) -> [(share: Double, took: UInt64)] {
        let times = recent.filter { $0.ended > now - Self.age }.map(\.took).sorted()
        guard !times.isEmpty else { return [] }
        return Self.quantiles.map { share in
            // The least time that so many took at most.
            let rank = (share * Double(times.count)).rounded(.up)
            return (share, times[min(max(Int(rank), 1), times.count) - 1])
        }
    }
}
