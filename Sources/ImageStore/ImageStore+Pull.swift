// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Archive
internal import Linux
package import OCIImageSpec
internal import Synchronization

extension ImageStore {
    /// Downloads at the same time for one image.
    private static let parallelLayers = 3
    /// How often layers that another process removes meanwhile are fetched again.
    private static let attempts = 4

    /// Brings an image into the store and gives it the names of the reference. Layers that are here are not fetched;
    /// those that are fetched are unpacked on the way and verified. Nothing is left behind by a failure.
    ///
    /// A pull of a reference that is being pulled joins that pull. Cancelling the task ends the pull.
    package func pull(
        _ reference: Reference, from source: some BlobSource, platform: Platform,
        progress: (@Sendable (PullProgress) -> Void)? = nil
    ) async throws -> Image {
        try await pulls.run("\(reference) \(platform)", observer: progress) { report in
            let image = try await ImageResolution(
                reference.selector, of: source, for: platform, name: reference.description)
            return try await self.fetch(image, as: reference, from: source, report: report)
        }
    }

    private func fetch(
        _ image: ImageResolution, as reference: Reference, from source: some BlobSource,
        report: @escaping @Sendable (PullProgress) -> Void
    ) async throws -> Image {
        let staging = try await BlockingPool.run { () throws in try StagingDirectory(self.paths) }
        do {
            var staged: [Digest: StagedLayer] = [:]
            for _ in 0..<Self.attempts {
                let missing = try missingLayers(of: image, beside: Set(staged.keys))
                let tracker = ProgressTracker(image, missing: missing, report: report)
                for layer in try await fetch(missing, from: source, into: staging, tracker) {
                    staged[layer.diffID] = layer
                }
                let all = staged
                if let id = try await BlockingPool.run({ () throws in
                    try self.commit(image, as: reference, staged: all)
                }), let stored = try self.image(id: id) {
                    try await BlockingPool.run { () throws in try staging.remove() }
                    return stored
                }
            }
            throw ImageStoreError(.inUse, "pull image", reference.description, "its layers are removed all the time")
        } catch {
            // The first failure is the one to tell; what stays is removed when the store is opened next.
            try? await BlockingPool.run { () throws in try staging.remove() }
            throw error
        }
    }

    /// The layers to fetch, each once, lowest first.
    private func missingLayers(of image: ImageResolution, beside staged: Set<Digest>) throws -> [LayerPipeline] {
        let present = try presentLayers()
        var seen: Set<Digest> = staged
        return image.layers.filter { !present.contains($0.diffID) && seen.insert($0.diffID).inserted }
    }

    private func fetch(
        _ layers: [LayerPipeline], from source: some BlobSource, into staging: StagingDirectory,
        _ tracker: ProgressTracker
    ) async throws -> [StagedLayer] {
        try await withThrowingTaskGroup(of: StagedLayer.self) { group in
            var done: [StagedLayer] = []
            for (index, layer) in layers.enumerated() {
                if index >= Self.parallelLayers, let finished = try await group.next() { done.append(finished) }
                group.addTask { try await self.fetch(layer, from: source, into: staging, tracker) }
            }
            for try await finished in group { done.append(finished) }
            return done
        }
    }

    private func fetch(
        _ layer: LayerPipeline, from source: some BlobSource, into staging: StagingDirectory,
        _ tracker: ProgressTracker
    ) async throws -> StagedLayer {
        let path = "\(staging.path)/\(layer.diffID.hex)"
        let format = format
        let summary = try await layer.run(from: source, received: { tracker.received($0) }) { reader in
            try format.unpack(reader, to: path)
        }
        tracker.finishedLayer()
        return StagedLayer(diffID: layer.diffID, path: path, bytes: summary.bytes, inodes: summary.inodes)
    }
}

/// A layer that is unpacked and verified, but has no name yet.
struct StagedLayer: Sendable {
    var diffID: Digest
    var path: String
    var bytes: UInt64
    var inodes: UInt64
}
