// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ImageStore
internal import OCIImageSpec

/// A place that an image can be written to.
enum ImageTarget {
    /// A registry, or a place on disk, and the tag the image gets there.
    case blobs(any BlobDestination, tag: String)
    /// The store of this machine, and the image's name there.
    case store(Reference)

    /// What the name says; `reference` is what the image is called so far.
    init(_ name: ImageName, naming reference: Reference, _ options: SourceOptions) async throws {
        switch name {
        case .registry(let target):
            guard target.digest == nil else {
                throw ImageSpecError(
                    .invalid, "push to", target.description, "a digest follows from the image; name a tag")
            }
            self = .blobs(try await options.pusher(target), tag: target.tag ?? "latest")
        case .layout(let path, let tag): self = .blobs(try LayoutDestination(directory: path), tag: tag ?? "")
        case .layoutArchive(let path, let tag): self = .blobs(try LayoutArchiveDestination(path: path), tag: tag ?? "")
        case .dockerArchive(let path, let name, _):
            let name = try name.map { try Reference(parsing: $0).description } ?? Self.dockerName(reference)
            self = .blobs(try DockerArchiveDestination(path: path), tag: name)
        case .directory(let path): self = .blobs(try DirectoryDestination(directory: path), tag: "")
        case .store(let text): self = .store(try Reference(parsing: text))
        case .plain(let text):
            throw ImageSpecError(
                .invalid, "copy to", text, "say where: docker://, oci:, oci-archive:, docker-archive:, dir: or store:")
        }
    }

    /// The name an image has in an archive of Docker's: nothing for one that is only known by its digest.
    static func dockerName(_ reference: Reference) -> String { reference.tagged ?? "" }
}

extension BlobDestination {
    /// Completes what was written when the body succeeds, and removes it when it fails.
    func completing<Value>(_ body: () async throws -> Value) async throws -> Value {
        guard let onDisk = self as? any ImageDestination else { return try await body() }
        do {
            let value = try await body()
            try await onDisk.finish()
            return value
        } catch {
            await onDisk.abandon()
            throw error
        }
    }
}
