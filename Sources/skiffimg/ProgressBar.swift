// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ImageStore
internal import Linux
internal import Synchronization

/// A line on a terminal that shows how far a transfer is, how fast, and how long it will take. It is drawn ten times a second at most, and removed at the end.
final class ProgressBar: Sendable {
    private struct State {
        var drawn: Int64 = 0
        var isVisible = false
        /// Bytes at moments of the last seconds, for the speed of now.
        var samples: [(time: Int64, bytes: Int64)] = []
    }

    private let state = Mutex(State())

    /// Nil when standard error is no terminal.
    init?() {
        guard Terminal.isTerminal(2) else { return nil }
    }

    func show(_ progress: PullProgress) {
        let now = KernelClock.monotonic
        let rate = state.withLock { state -> Double? in
            guard now - state.drawn > 100_000_000 else { return nil }
            state.drawn = now
            state.isVisible = true
            // Another image begins at nothing.
            if let last = state.samples.last, last.bytes > progress.bytes { state.samples = [] }
            state.samples.append((now, progress.bytes))
            state.samples.removeAll { now - $0.time > 5_000_000_000 }
            guard let first = state.samples.first, now > first.time else { return 0 }
            return Double(progress.bytes - first.bytes) / (Double(now - first.time) / 1e9)
        }
        guard let rate else { return }
        // A line that is wrapped could not be removed.
        let columns = (try? Terminal.windowSize(2)).map { Int($0.columns) } ?? 0
        Output.terminal(
            "\r\u{1B}[K" + Self.text(progress, bytesPerSecond: rate, columns: columns > 0 ? columns : .max))
    }

    /// Removes the line.
    func finish() {
        if state.withLock({ $0.isVisible }) { Output.terminal("\r\u{1B}[K") }
    }

    /// Shorter than the columns: the bar gives way first, then the end.
    private static func text(_ progress: PullProgress, bytesPerSecond rate: Double, columns: Int) -> String {
        let share = progress.totalBytes > 0 ? Double(progress.bytes) / Double(progress.totalBytes) : 1
        let rest =
            "\(Int(min(share, 1) * 100))%  \(Output.size(progress.bytes)) of \(Output.size(progress.totalBytes))"
            + "  \(Output.size(Int64(rate)))/s  \(timeLeft(progress, rate))  \(progress.layers)/\(progress.totalLayers)"
        let width = min(24, columns - rest.count - 4)
        guard width >= 4 else { return String(rest.prefix(columns - 1)) }
        let filled = Int((min(share, 1) * Double(width)).rounded(.down))
        let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: width - filled)
        return "[\(bar)] \(rest)"
    }

    /// `1:05 left`, or nothing that could be wrong by far.
    private static func timeLeft(_ progress: PullProgress, _ rate: Double) -> String {
        let left = Double(max(0, progress.totalBytes - progress.bytes))
        guard rate > 1, left / rate < 360_000 else { return "-:-- left" }
        let seconds = Int((left / rate).rounded(.up))
        let (minutes, rest) = (seconds / 60, seconds % 60)
        return "\(minutes):\(rest < 10 ? "0" : "")\(rest) left"
    }
}
