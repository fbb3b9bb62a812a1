// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import OCIImageSpec
internal import Synchronization

/// Adds up what the layers' tasks report.
final class ProgressTracker: Sendable {
    private let state: Mutex<PullProgress>
    private let report: @Sendable (PullProgress) -> Void

    init(_ image: ImageResolution, missing: [LayerPipeline], report: @escaping @Sendable (PullProgress) -> Void) {
        let total = missing.map(\.descriptor).totalSize ?? 0
        let start = PullProgress(
            bytes: 0, totalBytes: total, layers: image.layers.count - missing.count, totalLayers: image.layers.count)
        state = Mutex(start)
        self.report = report
        report(start)
    }

    func received(_ count: Int) { change { $0.bytes += Int64(count) } }
    func finishedLayer() { change { $0.layers += 1 } }

    private func change(_ body: (inout PullProgress) -> Void) {
        let now = state.withLock { state in
            body(&state)
            return state
        }
        report(now)
    }
}
