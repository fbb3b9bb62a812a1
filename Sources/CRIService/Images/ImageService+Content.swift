// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import ImageStore
internal import Linux
internal import OCIImageSpec
internal import SwiftProtobuf

/// What is in images, and in what says of them.
extension ImageService {
    /// Whether an image holds a checkpoint in place of programs.
    func isCheckpoint(_ image: Image) async -> Bool { await annotations(of: image)[CheckpointImage.mark] != nil }

    /// The checkpoint in an image.
    func checkpoint(in image: Image, called name: String) async throws -> CheckpointImage {
        let store = store
        let bytes = try await Self.translating {
            try await BlockingPool.run {
                try store.file(CheckpointedContainer.part, of: image.id, limit: CheckpointParts.limit)
            }
        }
        guard let container = CheckpointedContainer(parsing: bytes) else {
            throw ServiceError(
                .invalid, "use checkpoint", name, "it has no \(CheckpointedContainer.part) that names its image")
        }
        return CheckpointImage(id: image.id, name: name, container: container)
    }

    /// The annotations of an image's manifest; an image whose manifest is damaged runs without.
    func annotations(of image: Image) async -> [String: String] {
        let store = store
        if let known = store.knownAnnotations(of: image) { return known }
        return await BlockingPool.run { (try? store.annotations(of: image)) ?? [:] }
    }

    /// The seccomp profile in an artifact, which is pulled where it is not there.
    func seccompProfile(_ reference: String, namespace: String) async throws -> SeccompProfile {
        if try await find(reference) == nil { _ = try await pull(reference, auth: nil, namespace: namespace) }
        let artifact = try await require(.with { $0.image = reference }, namespace: namespace)
        let store = store
        let (kind, bytes) = try await Self.translating {
            try await BlockingPool.run {
                (try store.manifest(of: artifact).config.mediaType, try store.firstFile(of: artifact, limit: 1 << 20))
            }
        }
        guard kind.rawValue == "application/vnd.cncf.seccomp-profile.config.v1+json", let bytes else {
            throw ServiceError(.invalid, "use seccomp profile", reference, "it is no artifact with a seccomp profile")
        }
        return try SeccompProfile(parsing: bytes, file: reference)
    }
}
