// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Archive
internal import Linux
package import OCIImageSpec
internal import Synchronization

extension ImageStore {
    /// Layers of one image that are fetched at the same time.
    private static let parallelLayers = 3
    /// How often layers that another process removes meanwhile are fetched again.
    private static let attempts = 4

    /// Brings an image into the store and gives it the names of the reference. Layers that are here are not fetched;
    /// those that are fetched are unpacked on the way and verified. Nothing is left behind by a failure. The platform chooses
    /// in an index; of an image in none it is only asked for when it `isDemanded`.
    ///
    /// A pull of a reference, or of a layer, that is being pulled joins that pull. Cancelling the task gives up its share;
    /// what nobody else waits for is given up too.
    package func pull(
        _ reference: Reference, from source: some BlobSource, platform: Platform, isDemanded: Bool = false,
        keepsBlobs: Bool? = nil, progress: (@Sendable (PullProgress) -> Void)? = nil
    ) async throws -> Image {
        let keeps = keepsBlobs ?? settings.keepsBlobs
        let key = "\(reference) \(platform) \(isDemanded) \(keeps)"
        return try await pulls.run(key, observer: progress) { report in
            let image = try await ImageResolution(
                reference.selector, of: source, for: platform, isDemanded: isDemanded, name: reference.description)
            return try await self.pull(reference, image, from: source, keepsBlobs: keeps, report: report)
        }
    }

    /// The same of an image whose documents are here already, which is not joined as a whole; its layers are. It gets the
    /// names of the reference, wherever it comes from.
    package func pull(
        _ image: ImageResolution, as reference: Reference, from source: some BlobSource, keepsBlobs: Bool? = nil,
        progress: (@Sendable (PullProgress) -> Void)? = nil
    ) async throws -> Image {
        try await pull(
            reference, image, from: source, keepsBlobs: keepsBlobs ?? settings.keepsBlobs, report: { progress?($0) })
    }

    private func pull(
        _ reference: Reference, _ image: ImageResolution, from source: some BlobSource, keepsBlobs: Bool,
        report: @escaping @Sendable (PullProgress) -> Void
    ) async throws -> Image {
        let fetch = ImageFetch(store: self, image: image, source: source, keepsBlobs: keepsBlobs, report: report)
        do {
            let id = try await fetch.run(as: reference, attempts: Self.attempts, parallel: Self.parallelLayers)
            await fetch.leases.end()
            guard let stored = try await BlockingPool.run({ () throws in try self.image(id: id) }) else {
                throw ImageStoreError(.notFound, "pull image", reference.description, "it was removed at once")
            }
            return stored
        } catch {
            await fetch.leases.end()
            throw error
        }
    }

    /// Finds out how new layers are kept, for which the first of them would wait otherwise. Blocks.
    package func prepareForPull() { _ = format }

    /// Fetches one layer into a staging directory of its own. A failure leaves nothing.
    func stage(
        _ layer: LayerPipeline, from source: some BlobSource, keepsBlob: Bool,
        received: @escaping @Sendable (Int64) -> Void
    ) async throws -> StagedLayer {
        let staging = try await BlockingPool.run { () throws in try StagingDirectory(self.paths) }
        do {
            let path = StagedLayer.path(in: staging)
            let counter = ByteCounter()
            func run(_ source: some BlobSource) async throws -> UnpackedLayer {
                let count: @Sendable (Int) -> Void = { [onLayer = settings.onLayer] bytes in
                    received(counter.add(bytes))
                    onLayer?(.received(bytes, of: layer.descriptor))
                }
                return try await layer.run(from: source, beside: path, received: count) { reader in
                    try UnpackedLayer(reader, to: path, as: self.format, diffID: layer.diffID)
                }
            }
            let unpacked =
                keepsBlob
                ? try await run(CopyingSource(source: source, path: StagedLayer.blobPath(in: staging)))
                : try await run(source)
            settings.onLayer?(.fetched(layer.descriptor))
            return StagedLayer(
                diffID: layer.diffID, staging: staging, unpacked: unpacked, blob: keepsBlob ? layer.descriptor : nil)
        } catch {
            // The first failure is the one to tell; what stays is removed when the store is opened next.
            try? await BlockingPool.run { () throws in try staging.remove() }
            throw error
        }
    }
}
