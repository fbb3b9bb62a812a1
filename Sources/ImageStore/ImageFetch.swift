// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import OCIImageSpec
internal import Synchronization
internal import Traces

/// One pull: the layers that are missing, each fetched by this pull or by another that wants it too, and the commit.
struct ImageFetch<Source: BlobSource>: Sendable {
    let store: ImageStore
    let image: ImageResolution
    let source: Source
    let keepsBlobs: Bool
    let report: @Sendable (PullProgress) -> Void
    let leases = LayerLeases()

    /// What a try to commit came to.
    private enum Outcome: Sendable {
        case committed(Digest)
        case needsOwn(Digest)
        case gone
    }

    /// Fetches and commits; returns the image's id. The leases are to be ended then, and after a failure.
    func run(as reference: Reference, attempts: Int, parallel: Int) async throws -> Digest {
        let (paths, image) = (store.paths, image)
        let documents = Task {
            try await BlockingPool.run { () throws in try StagedDocuments(of: image, in: paths) }
        }
        do {
            let id = try await run(as: reference, documents, attempts, parallel)
            try await Self.remove(documents)
            return id
        } catch {
            // The first failure is the one to tell.
            try? await Self.remove(documents)
            throw error
        }
    }

    private static func remove(_ documents: Task<StagedDocuments, any Error>) async throws {
        let directory = try await documents.value.directory
        try await BlockingPool.run { () throws in try directory.remove() }
    }

    private func run(
        as reference: Reference, _ documents: Task<StagedDocuments, any Error>, _ attempts: Int, _ parallel: Int
    ) async throws -> Digest {
        // Both by chainID: what is fetched, and the places that need a layer of their own.
        var staged: [Digest: StagedLayer] = [:]
        var own: Set<Digest> = []
        var failures = 0
        while failures < attempts {
            let missing = try await missingLayers(beside: staged, own)
            if failures == 0, staged.isEmpty { tellReused(beside: missing, by: reference) }
            let tracker = ProgressTracker(image, missing: missing, report: report)
            try await fetch(missing, own, parallel, tracker) { staged[$0.chainID] = $1 }
            switch try await commit(reference, staged, try await documents.value) {
            case .committed(let id): return id
            case .needsOwn(let place):
                own.insert(place)
                staged[place] = nil
            case .gone:
                // A layer of ours that was moved in by another pull and then removed is of no use to anybody.
                await leases.retire()
                staged = [:]
                failures += 1
            }
        }
        throw ImageStoreError(.inUse, "pull image", reference.description, "its layers are removed all the time")
    }

    private func commit(
        _ reference: Reference, _ staged: [Digest: StagedLayer], _ documents: StagedDocuments
    ) async throws -> Outcome {
        let (store, image) = (store, image)
        return try await BlockingPool.run { () throws in
            do {
                switch try store.finish(staged, of: image, in: documents.directory) {
                case .gone: return .gone
                case .needsOwn(let place): return .needsOwn(place)
                case .finished(let layers):
                    let whole = StagedImage(image: image, reference: reference, layers: layers, documents: documents)
                    return try store.commit(whole).map { .committed($0) } ?? .gone
                }
            } catch is LayerGone {
                return .gone
            }
        }
    }

    private func missingLayers(
        beside staged: [Digest: StagedLayer], _ own: Set<Digest>
    ) async throws -> [LayerPipeline] {
        let (store, image, keepsBlobs) = (store, image, keepsBlobs)
        return try await BlockingPool.run { () throws in
            let present = try store.presentLayers()
            // To keep a blob that was not kept, its layer is fetched again.
            let kept = keepsBlobs ? try store.keptContent() : nil
            var seen = Set(staged.values.map(\.diffID))
            return image.layers.filter { layer in
                let isHere = present.id(of: layer) != nil && kept?.contains(layer.descriptor.digest) ?? true
                guard !isHere, staged[layer.chainID] == nil else { return false }
                return own.contains(layer.chainID) || seen.insert(layer.diffID).inserted
            }
        }
    }

    private func tellReused(beside missing: [LayerPipeline], by reference: Reference) {
        guard let onLayer = store.settings.onLayer else { return }
        let fetched = Set(missing.map(\.diffID))
        for layer in image.layers where !fetched.contains(layer.diffID) {
            onLayer(.reused(layer.descriptor, by: reference))
        }
    }

    private func fetch(
        _ layers: [LayerPipeline], _ own: Set<Digest>, _ parallel: Int, _ tracker: ProgressTracker,
        done: (LayerPipeline, StagedLayer) -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: (LayerPipeline, StagedLayer).self) { group in
            for (index, layer) in layers.enumerated() {
                if index >= parallel, let (layer, staged) = try await group.next() { done(layer, staged) }
                group.addTask {
                    (layer, try await self.fetch(layer, isOwn: own.contains(layer.chainID), tracker))
                }
            }
            for try await (layer, staged) in group { done(layer, staged) }
        }
    }

    private func fetch(
        _ layer: LayerPipeline, isOwn: Bool, _ tracker: ProgressTracker
    ) async throws -> StagedLayer {
        let (store, source, keepsBlobs) = (store, source, keepsBlobs)
        let key = LayerKey(
            diffID: layer.diffID, blob: keepsBlobs ? layer.descriptor.digest : nil,
            chainID: isOwn ? layer.chainID : nil)
        let lease = store.layers.join(key, observer: { tracker.received($0, of: layer) }) { report in
            try await store.stage(layer, from: source, keepsBlob: keepsBlobs, received: report)
        }
        leases.add(lease)
        do {
            let staged = try await traced("pull layer", Self.attributes(layer.descriptor)) { try await lease.value() }
            tracker.finishedLayer()
            return staged
        } catch  where lease.hasJoined && !Task.isCancelled {
            // What failed was another pull's way to the layer, from its registry with its credentials.
            return try await fetch(layer, isOwn: isOwn, tracker)
        }
    }
}

extension ImageFetch {
    /// What a trace tells of a layer.
    private static func attributes(_ blob: Descriptor) -> [TraceSpan.Attribute] {
        [.init("digest", "\(blob.digest)"), .init("size", blob.size)]
    }
}

/// What makes two layers the same work.
struct LayerKey: Hashable, Sendable {
    var diffID: Digest
    /// Only where the blob is kept: unpacked, it does not matter how the layer was compressed.
    var blob: Digest?
    /// Only where the layer is good in one place alone.
    var chainID: Digest?
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
