// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Archive
internal import Linux
package import OCIImageSpec

extension ImageResolution {
    /// Unpacks all layers over each other into a directory, which is made or must be empty. A failure leaves it as it
    /// was.
    package func unpack(
        from source: some BlobSource, to directory: String, progress: (@Sendable (PullProgress) -> Void)? = nil
    ) async throws {
        let target = try await BlockingPool.run { () throws in try UnpackTarget(directory) }
        do {
            let tracker = ProgressTracker(self, missing: layers) { progress?($0) }
            for layer in layers {
                let counter = ByteCounter()
                let received: @Sendable (Int) -> Void = { tracker.received(counter.add($0), of: layer) }
                _ = try await layer.run(from: source, beside: "\(directory)/.", received: received) { reader in
                    let extractor = try LayerExtractor(into: directory, whiteout: .flatten)
                    try extractor.take(reader)
                    return try extractor.finish(above: nil)
                }
                tracker.finishedLayer()
            }
        } catch {
            // The first failure is the one to tell.
            try? await BlockingPool.run { () throws in try target.undo() }
            throw error
        }
    }
}
