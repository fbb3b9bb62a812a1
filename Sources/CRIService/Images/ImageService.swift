// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import EngineConfiguration
internal import FoundationEssentials
internal import ImagePolicy
internal import ImageSources
internal import ImageStore
internal import Linux
internal import OCIImageSpec
internal import Registry
internal import RegistryConfiguration

/// Images for pods: the store and the registries, with the CRI's rules. The store's calls block and run on the pool.
final class ImageService: Sendable {
    let store: ImageStore
    private let sources: ImageSources
    private let platform: Platform

    init(_ config: DaemonConfig, _ metrics: EngineMetrics) throws {
        var storage = StoreSettings(
            root: config.root, run: config.run, images: config.image.root.isEmpty ? nil : config.image.root)
        storage.keepsBlobs = config.image.keepBlobs
        storage.pinned = PinnedImages(config.image.pinned)
        storage.isVolatile = config.image.volatile
        storage.writableLimit = UInt64(config.image.writableLimit)
        storage.onLayer = { [metrics] in metrics.note($0) }
        store = try ImageStore(storage)
        sources = ImageSources(
            ImageSourceSettings(config, environment: ProcessInfo.processInfo.environment))
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
        let names = await names(name)
        return try await Self.translating {
            try await BlockingPool.run { () throws in
                for name in names {
                    if let image = try store.image(name) { return image }
                }
                return nil
            }
        }
    }

    /// The image of a container to be made, or of the one whose checkpoint that is. It must have been pulled, and the policy
    /// must allow it now.
    func require(
        _ spec: Runtime_V1_ImageSpec, of checkpoint: Checkpoint? = nil, namespace: String
    ) async throws -> Image {
        guard let image = try await find(checkpoint?.container.image ?? spec.image) else {
            if let former = checkpoint?.container {
                throw ServiceError(
                    .notFound, "find image", former.imageName,
                    "\(former.image), the image of the checkpoint, has not been pulled")
            }
            throw ServiceError(.notFound, "find image", spec.image, "it has not been pulled")
        }
        // What it is called in the store; a name that the pod states comes first.
        let stated = [spec.userSpecifiedImage, spec.image]
        let all = (image.repoTags + image.repoDigests).compactMap { try? Reference(parsing: $0) }
        let first = all.filter { name in stated.contains { (try? Reference(parsing: $0)) == name } }
        let digests = Set(all.compactMap(\.digest)).union([image.manifest]).sorted()
        try await Self.translating {
            try await sources.admit(first.isEmpty ? all : first, digests: digests, namespace: namespace)
        }
        return image
    }

    /// Pulls an image and returns its id. A short name may stand for several, of which the first is pulled that exists.
    func pull(_ name: String, auth: CRI.AuthConfig?, namespace: String) async throws -> Digest {
        let credentials = try auth.flatMap(Credentials.read)
        return try await Self.translating {
            var failures: [RegistryError] = []
            for reference in try await references(name) {
                do {
                    let left = try await sources.takeCredentials(for: reference, namespace: namespace)
                    let source = try await sources.source(
                        reference, credentials: credentials, left: left, namespace: namespace)
                    return try await store.pull(reference, from: source, platform: platform).id
                } catch let error as RegistryError {
                    failures.append(error)
                }
            }
            guard var failure = failures.last else {
                throw ServiceError(.invalid, "pull image", name, "it may be nowhere")
            }
            if failures.count > 1 { failure.reason = failures.map(\.description).joined(separator: "; ") }
            throw failure
        }
    }

    private func references(_ name: String) async throws -> [Reference] {
        do {
            return try await sources.references(name)
        } catch let error as ImageSpecError {
            throw ServiceError(.invalid, "pull image", name, "\(error)")
        }
    }

    /// What an image may be called in the store: a short name may stand for several others.
    private func names(_ name: String) async -> [String] {
        // Without the files' help a name still is an id or itself: what is stored can be found whatever they say.
        guard !Reference.namesRegistry(name), let found = try? await sources.references(name) else { return [name] }
        return found.map(\.description) + [name]
    }

    /// Removes an image with all its names; one that is unknown is right.
    func remove(_ name: String) async throws {
        guard !name.isEmpty else { throw ServiceError(.invalid, "remove image", nil, "the request names no image") }
        let (store, sources) = (store, sources)
        let names = await names(name)
        do {
            try await BlockingPool.run { () throws in
                for name in names {
                    // A damaged image, which is not shown, can be removed too.
                    guard let id = try store.imageID(name) else { continue }
                    try store.remove(id)
                    return try sources.forgetSignatures(except: store.manifestDigests())
                }
            }
        } catch let error as ImageStoreError where error.code == .notFound {
            // Another request was faster.
        } catch {
            throw Self.translate(error)
        }
    }

    /// Fetches again what was found damaged when the store was opened, as far as no credentials of a pod are needed.
    func repair() async throws -> RepairReport {
        let sources = sources
        return try await store.repair { try await sources.source($0) }
    }

    /// What all layers take on disk.
    func usage() async throws -> StoreUsage {
        let store = store
        return try await Self.translating { try await BlockingPool.run { try store.usage() } }
    }

    func mountRootfs(container id: String, image: Digest, options: RootfsOptions) async throws -> String {
        let store = store
        return try await Self.translating {
            try await BlockingPool.run { try store.mountRootfs(container: id, image: image, options: options) }
        }
    }

    /// Writes what a container has changed to a tar file, and returns what it has removed.
    func writeChanges(
        of container: String, image: Digest, skipping places: Set<String>, to path: String
    ) async throws -> [String] {
        let store = store
        return try await Self.translating {
            try await BlockingPool.run {
                try store.writeChanges(of: container, image: image, skipping: places, to: path)
            }
        }
    }

    /// Makes changes that were written so in the root file system of a new container.
    func restoreChanges(
        of container: String, from path: String, removing removed: [String], checkpoint: String
    ) async throws {
        let store = store
        try await Self.translating {
            try await BlockingPool.run {
                try RestoreArchive.checked(checkpoint) {
                    try store.restoreChanges(of: container, from: path, removing: removed)
                }
            }
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

    static func translating<Value>(_ body: () async throws -> Value) async throws -> Value {
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
            case .notFound: return ServiceError(.notFound, error.operation, error.subject, error.wholeReason)
            case .unavailable, .limited:
                return ServiceError(
                    .unavailable, error.operation, error.subject, error.wholeReason, prefix: "RegistryUnavailable")
            case .unauthorized, .denied, .invalid, .unsupported:
                return ServiceError(.failed, error.operation, error.subject, error.wholeReason)
            }
        case let error as PolicyError where error.code == .rejected:
            return ServiceError(
                .failed, error.operation, error.subject, error.reason, prefix: "SignatureValidationFailed")
        case let error as RegistryConfigurationError where error.code != .unusable:
            return ServiceError(.invalid, error.operation, error.subject, error.reason)
        default: return error
        }
    }
}
