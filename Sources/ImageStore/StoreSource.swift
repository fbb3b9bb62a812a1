// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
package import OCIImageSpec

/// An image of the store as it was fetched, byte for byte. The store keeps manifests and configurations; compressed layers
/// only where that is set. A layer that is not kept is fetched again from the repository that the image came from: what
/// it was unpacked to cannot give the same bytes.
package struct StoreSource: BlobSource {
    /// Gives access to a repository.
    package typealias Fallback = @Sendable (Reference) async throws -> any BlobSource

    private let store: ImageStore
    private let image: Image
    private let fallback: Fallback?

    /// The image; without `fallback`, a layer that is not kept is an error.
    package init(_ store: ImageStore, _ image: Image, fallback: Fallback? = nil) {
        self.store = store
        self.image = image
        self.fallback = fallback
    }

    /// A tag means nothing here: the image is chosen.
    package func manifest(_ selector: ManifestSelector) async throws -> FetchedManifest {
        var digest = image.manifest
        if case .digest(let wanted) = selector { digest = wanted }
        let (store, chosen) = (store, digest)
        let bytes = try await BlockingPool.run { () throws in try store.content(chosen) }
        return try FetchedManifest(
            bytes: bytes, statedType: nil, algorithm: digest.algorithm, subject: digest.description)
    }

    package func blob(_ descriptor: Descriptor, _ body: ([UInt8]) async throws -> Void) async throws {
        let path = store.paths.content(descriptor.digest)
        if Syscall.exists(path) { return try await BlobFile(reading: path).read(descriptor.size, body) }
        let references = image.repoDigests.compactMap { try? Reference(parsing: $0) }.filter {
            $0.domain != "localhost"
        }
        guard let fallback, let reference = references.first else {
            throw ImageStoreError(
                .notFound, "read layer", descriptor.digest.description,
                "the store keeps no compressed layers (image.keep_blobs, pull --keep-blobs), and the image came from no registry"
            )
        }
        do {
            try await fallback(reference).blob(descriptor, body)
        } catch let error as ImageStoreError {
            throw error
        } catch {
            try Task.checkCancellation()
            throw ImageStoreError(
                .notFound, "read layer", descriptor.digest.description,
                "the store does not keep it, and its repository does not give it: \(error)")
        }
    }
}
