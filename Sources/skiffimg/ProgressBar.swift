// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ImageStore
internal import Linux
internal import Synchronization

/// A line on a terminal that shows how far a pull is. It is drawn ten times a second at most, and removed at the end.
final class ProgressBar: Sendable {
    private struct State {
        var drawn: Int64 = 0
        var isVisible = false
    }

    private let state = Mutex(State())
    private let started = KernelClock.monotonic

    /// Nil when standard error is no terminal.
    init?() {
        guard Terminal.isTerminal(2) else { return nil }
    }

    func show(_ progress: PullProgress) {
        let now = KernelClock.monotonic
        let isDue = state.withLock { state in
            let isDue = now - state.drawn > 100_000_000
            if isDue {
                state.drawn = now
                state.isVisible = true
            }
            return isDue
        }
        if isDue { Output.terminal("\r\u{1B}[K" + Self.text(progress, seconds: Double(now - started) / 1e9)) }
    }

    /// Removes the line.
    func finish() {
        if state.withLock({ $0.isVisible }) { Output.terminal("\r\u{1B}[K") }
    }

    static func text(_ progress: PullProgress, seconds: Double) -> String {
        let share = progress.totalBytes > 0 ? Double(progress.bytes) / Double(progress.totalBytes) : 1
        let filled = Int((min(share, 1) * 30).rounded(.down))
        let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: 30 - filled)
        let rate = Output.size(Int64(Double(progress.bytes) / max(seconds, 0.1)))
        return "[\(bar)] \(Int(share * 100))%  \(Output.size(progress.bytes)) of \(Output.size(progress.totalBytes))"
            + "  \(rate)/s  layers \(progress.layers)/\(progress.totalLayers)"
    }
}
