// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import OCIImageSpec
internal import Synchronization

/// Adds up what the layers' tasks report.
final class ProgressTracker: Sendable {
    private struct State {
        var progress: PullProgress
        var received: [Digest: Int64] = [:]
    }

    private let state: Mutex<State>
    private let report: @Sendable (PullProgress) -> Void

    init(_ image: ImageResolution, missing: [LayerPipeline], report: @escaping @Sendable (PullProgress) -> Void) {
        let total = missing.map(\.descriptor).totalSize ?? 0
        let start = PullProgress(
            bytes: 0, totalBytes: total, layers: image.layers.count - missing.count, totalLayers: image.layers.count)
        state = Mutex(State(progress: start))
        self.report = report
        report(start)
    }

    /// So many bytes of a layer are here by now.
    func received(_ count: Int64, of layer: LayerPipeline) {
        change { state in
            state.progress.bytes += count - (state.received.updateValue(count, forKey: layer.chainID) ?? 0)
        }
    }

    func finishedLayer() { change { $0.progress.layers += 1 } }

    private func change(_ body: (inout State) -> Void) {
        let now = state.withLock { state in
            body(&state)
            return state.progress
        }
        report(now)
    }
}

/// Counts the bytes of one layer.
final class ByteCounter: Sendable {
    private let total = Mutex<Int64>(0)

    /// Adds, and returns the sum.
    func add(_ count: Int) -> Int64 {
        total.withLock { total in
            total += Int64(count)
            return total
        }
    }
}
