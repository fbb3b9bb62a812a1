// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import OCIImageSpec
internal import Synchronization

/// One pull: the layers that are missing, each fetched by this pull or by another that wants it too, and the commit.
struct ImageFetch<Source: BlobSource>: Sendable {
    let store: ImageStore
    let image: ImageResolution
    let source: Source
    let keepsBlobs: Bool
    let report: @Sendable (PullProgress) -> Void
    let leases = LayerLeases()

    /// Fetches and commits; returns the image's id. The leases are to be ended then, and after a failure.
    func run(as reference: Reference, attempts: Int, parallel: Int) async throws -> Digest {
        var staged: [Digest: StagedLayer] = [:]
        for _ in 0..<attempts {
            let missing = try await missingLayers(beside: Set(staged.keys))
            let tracker = ProgressTracker(image, missing: missing, report: report)
            for layer in try await fetch(missing, parallel, tracker) { staged[layer.diffID] = layer }
            let layers = Array(staged.values)
            if let id = try await commit(reference, layers) { return id }
            // A layer of ours that was moved in by another pull and then removed is of no use to anybody.
            await leases.retire()
            staged = [:]
        }
        throw ImageStoreError(.inUse, "pull image", reference.description, "its layers are removed all the time")
    }

    private func commit(_ reference: Reference, _ layers: [StagedLayer]) async throws -> Digest? {
        let (store, image) = (store, image)
        return try await BlockingPool.run { () throws in
            let documents = try StagingDirectory(store.paths)
            do {
                let finished = try store.finish(layers, of: image, in: documents)
                let id = try store.commit(
                    StagedImage(image: image, reference: reference, layers: finished, documents: documents))
                try documents.remove()
                return id
            } catch {
                // The first failure is the one to tell.
                try? documents.remove()
                if error is LayerGone { return nil }
                throw error
            }
        }
    }

    private func missingLayers(beside staged: Set<Digest>) async throws -> [LayerPipeline] {
        let (store, image, keepsBlobs) = (store, image, keepsBlobs)
        return try await BlockingPool.run { () throws in
            let present = try store.presentLayers()
            // To keep a blob that was not kept, its layer is fetched again.
            let kept = keepsBlobs ? try store.keptContent() : nil
            var seen = staged
            return image.layers.filter { layer in
                let isHere = present.contains(layer.diffID) && kept?.contains(layer.descriptor.digest) ?? true
                return !isHere && seen.insert(layer.diffID).inserted
            }
        }
    }

    private func fetch(
        _ layers: [LayerPipeline], _ parallel: Int, _ tracker: ProgressTracker
    ) async throws -> [StagedLayer] {
        try await withThrowingTaskGroup(of: StagedLayer.self) { group in
            var done: [StagedLayer] = []
            for (index, layer) in layers.enumerated() {
                if index >= parallel, let finished = try await group.next() { done.append(finished) }
                group.addTask { try await self.fetch(layer, tracker) }
            }
            for try await finished in group { done.append(finished) }
            return done
        }
    }

    private func fetch(_ layer: LayerPipeline, _ tracker: ProgressTracker) async throws -> StagedLayer {
        let (store, source, keepsBlobs) = (store, source, keepsBlobs)
        let key = LayerKey(diffID: layer.diffID, blob: keepsBlobs ? layer.descriptor.digest : nil)
        let lease = store.layers.join(key, observer: { tracker.received($0, of: layer) }) { report in
            try await store.stage(layer, from: source, keepsBlob: keepsBlobs, received: report)
        }
        leases.add(lease)
        do {
            let staged = try await lease.value()
            tracker.finishedLayer()
            return staged
        } catch  where lease.hasJoined && !Task.isCancelled {
            // What failed was another pull's way to the layer, from its registry with its credentials.
            return try await fetch(layer, tracker)
        }
    }
}

/// What makes two layers the same work.
struct LayerKey: Hashable, Sendable {
    var diffID: Digest
    /// Only where the blob is kept: unpacked, it does not matter how the layer was compressed.
    var blob: Digest?
}

/// The shares of one pull in the layers that are fetched.
final class LayerLeases: Sendable {
    private let held = Mutex<[SingleFlight<LayerKey, StagedLayer, Int64>.Lease]>([])

    func add(_ lease: SingleFlight<LayerKey, StagedLayer, Int64>.Lease) { held.withLock { $0.append(lease) } }

    /// Gives all of them up.
    func end() async {
        let all = held.withLock { held in
            defer { held = [] }
            return held
        }
        for lease in all { await lease.end() }
    }

    /// Gives all of them up, and lets nobody else join what they stand for.
    func retire() async {
        for lease in held.withLock({ $0 }) { lease.retire() }
        await end()
    }
}
