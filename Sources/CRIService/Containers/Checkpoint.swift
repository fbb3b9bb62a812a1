// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import EngineConfiguration
internal import ImageStore
internal import Linux
internal import OCIImageSpec

/// What a container is made from beside its image.
enum Checkpoint: Sendable {
    case archive(RestoreArchive)
    case image(CheckpointImage)

    var container: CheckpointedContainer {
        switch self {
        case .archive(let archive): archive.container
        case .image(let image): image.container
        }
    }

    /// What it is called in errors.
    var subject: String {
        switch self {
        case .archive(let archive): archive.path
        case .image(let image): image.name
        }
    }
}

/// What is read of `config.dump`, which tells of the container that the checkpoint is of.
struct CheckpointedContainer: Sendable {
    static let part = "config.dump"

    private struct Names: Decodable {
        var rootfsImageRef: String
        var rootfsImageName: String?
        var rootfsImage: String?
    }

    /// The id of the image that the container had, and a name for it.
    let image: String
    let imageName: String

    /// nil where it names no image.
    init?(parsing bytes: [UInt8]?) {
        guard let bytes, let names = JSON.decode(Names.self, bytes), !names.rootfsImageRef.isEmpty else { return nil }
        image = names.rootfsImageRef
        imageName = names.rootfsImageName ?? names.rootfsImage ?? image
    }
}

/// An image that holds the parts of a checkpoint in place of programs. An annotation of its manifest says so, as CRI-O has it.
struct CheckpointImage: Sendable {
    static let mark = "io.kubernetes.cri-o.annotations.checkpoint.name"

    let id: Digest
    let name: String
    let container: CheckpointedContainer
}

extension Pod {
    /// The checkpoint that a request for an image means by a path; nil when it means an image.
    func checkpoint(at image: String) async throws -> Checkpoint? {
        guard PathText.isAbsolute(image) else { return nil }
        let folders = try await requireRestoring(image).restoreDirs
        return try await BlockingPool.run { try RestoreArchive.find(image, in: folders).map(Checkpoint.archive) }
    }

    /// The checkpoint in an image; nil for one that is what it seems.
    func checkpoint(in image: Image, called name: String) async throws -> Checkpoint? {
        guard await engine.images.isCheckpoint(image) else { return nil }
        _ = try await requireRestoring(name)
        return .image(try await engine.images.checkpoint(in: image, called: name))
    }

    private func requireRestoring(_ subject: String) async throws -> DaemonConfig.Checkpoints {
        let (settings, features, handler) = (engine.config.checkpoints, engine.features, handler)
        guard settings.containerLevel == .checkpointRestore else {
            throw ServiceError(
                .state, "use checkpoint", subject,
                "checkpoint_restore.container_level_enabled is \"\(settings.containerLevel.rawValue)\"")
        }
        try await BlockingPool.run { try Container.requireCheckpoints(of: handler, features.features(of: handler)) }
        return settings
    }
}
