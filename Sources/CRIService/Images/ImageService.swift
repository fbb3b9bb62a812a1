// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import EngineConfiguration
internal import ImageStore
internal import Linux
internal import OCIImageSpec
internal import Registry

/// Images for pods: the store and the registries, with the CRI's rules. The store's calls block and run on the pool.
final class ImageService: Sendable {
    private let store: ImageStore
    private let registries: Registries
    private let platform: Platform

    init(_ config: DaemonConfig) throws {
        var storage = StoreSettings(
            root: config.root, run: config.run, images: config.image.root.isEmpty ? nil : config.image.root)
        storage.keepsBlobs = config.image.keepBlobs
        storage.pinned = PinnedImages(config.image.pinned)
        storage.isVolatile = config.image.volatile
        store = try ImageStore(storage)
        var settings = RegistrySettings()
        settings.insecure = Set(config.image.insecureRegistries)
        registries = Registries(settings)
        platform = try config.image.platform.isEmpty ? .current : Platform(parsing: config.image.platform)
    }

    /// All images.
    func list() async throws -> [Image] {
        let store = store
        return try await Self.translating { try await BlockingPool.run { try store.images() } }
    }

    /// The image of a name, an id, or the beginning of one; nil when there is none.
    func find(_ name: String) async throws -> Image? {
        guard !name.isEmpty else { throw ServiceError(.invalid, "find image", nil, "the request names no image") }
        let store = store
        return try await Self.translating { try await BlockingPool.run { try store.image(name) } }
    }

    /// The image of a container to be made, which must have been pulled.
    func require(_ spec: Runtime_V1_ImageSpec) async throws -> Image {
        if let image = try await find(spec.image) { return image }
        throw ServiceError(.notFound, "find image", spec.image, "it has not been pulled")
    }

    /// Pulls an image and returns its id.
    func pull(_ name: String, auth: CRI.AuthConfig?) async throws -> Digest {
        let reference: Reference
        do {
            reference = try Reference(parsing: name)
        } catch {
            throw ServiceError(.invalid, "pull image", name, "\(error)")
        }
        let client = registries.client(reference, credentials: try auth.flatMap(Credentials.read))
        return try await Self.translating {
            try await store.pull(reference, from: client, platform: platform).id
        }
    }

    /// Removes an image with all its names; one that is unknown is right.
    func remove(_ name: String) async throws {
        guard !name.isEmpty else { throw ServiceError(.invalid, "remove image", nil, "the request names no image") }
        let store = store
        do {
            // A damaged image, which is not shown, can be removed too.
            try await BlockingPool.run {
                if let id = try store.imageID(name) { try store.remove(id) }
            }
        } catch let error as ImageStoreError where error.code == .notFound {
            // Another request was faster.
        } catch {
            throw Self.translate(error)
        }
    }

    /// What all layers take on disk.
    func usage() async throws -> StoreUsage {
        let store = store
        return try await Self.translating { try await BlockingPool.run { try store.usage() } }
    }

    func mountRootfs(container id: String, image: Digest, readonly: Bool) async throws -> String {
        let store = store
        return try await Self.translating {
            try await BlockingPool.run { try store.mountRootfs(container: id, image: image, readonly: readonly) }
        }
    }

    func removeRootfs(container id: String) async throws {
        let store = store
        try await Self.translating { try await BlockingPool.run { try store.removeRootfs(container: id) } }
    }

    /// Containers whose root file systems are on record.
    func rootfsContainers() async throws -> [String] {
        let store = store
        return try await Self.translating { try await BlockingPool.run { try store.rootfsContainers() } }
    }

    private static func translating<Value>(_ body: () async throws -> Value) async throws -> Value {
        do { return try await body() } catch { throw translate(error) }
    }

    /// Gives the store's and the registry's errors their codes of the CRI.
    private static func translate(_ error: any Error) -> any Error {
        switch error {
        case let error as ImageStoreError:
            let code: ServiceError.Code =
                switch error.code {
                case .notFound: .notFound
                case .ambiguous, .invalid, .unsupportedMediaType: .invalid
                case .inUse: .state
                case .digestMismatch, .corruptLayer, .noSpace, .io: .failed
                }
            return ServiceError(code, error.operation, error.subject, error.reason)
        case let error as RegistryError:
            switch error.code {
            case .notFound: return ServiceError(.notFound, error.operation, error.subject, error.reason)
            case .unavailable, .limited:
                return ServiceError(
                    .unavailable, error.operation, error.subject, error.reason, prefix: "RegistryUnavailable")
            case .unauthorized, .denied: return ServiceError(.failed, error.operation, error.subject, error.reason)
            case .invalid, .unsupported: return ServiceError(.failed, error.operation, error.subject, error.reason)
            }
        default: return error
        }
    }
}
