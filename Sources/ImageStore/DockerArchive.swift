// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials
internal import Linux
package import OCIImageSpec

/// An entry of the `manifest.json` of what `docker save` writes. Source: moby, image/spec/v1.2.md, "Combined Image JSON +
/// Filesystem Changeset Format".
struct DockerArchiveEntry: Codable {
    var config: String
    var repoTags: [String]?
    var layers: [String]?

    private enum CodingKeys: String, CodingKey {
        case config = "Config"
        case repoTags = "RepoTags"
        case layers = "Layers"
    }
}

/// An image of an unpacked `docker save` archive. The archive has no manifest of the image: one is made, of the
/// configuration and the plain layers as they are.
package struct DockerArchiveSource: BlobSource {
    private let files: [Digest: String]
    private let documents: [Digest: [UInt8]]
    private let made: FetchedManifest
    private let folder: FolderFiles
    /// The names the archive gives the image.
    package let repoTags: [String]

    /// How many images are in the archive.
    package static func count(_ directory: String) throws -> Int { try entries(unpacked(directory)).count }

    /// The image of that name in the archive, the one at that place, or with neither the only one. Blocks.
    package init(directory: String, name: String? = nil, place: Int? = nil) throws {
        let folder = try Self.unpacked(directory)
        self.folder = folder
        let entry = try Self.choose(try Self.entries(folder), name, place, directory)
        repoTags = entry.repoTags ?? []
        let configBytes = try Self.read(entry.config, folder)
        let config = try ImageConfig(parsing: configBytes, subject: entry.config)
        let configDescriptor = Descriptor(
            mediaType: .dockerConfig, digest: Digest(of: configBytes), size: Int64(configBytes.count))
        let layers = entry.layers ?? []
        guard layers.count == config.rootfs.diffIDs.count else {
            throw ImageStoreError(
                .invalid, "read archive", directory,
                "the image has \(layers.count) layers but \(config.rootfs.diffIDs.count) diff_ids")
        }
        var files: [Digest: String] = [:]
        let descriptors = try zip(layers, config.rootfs.diffIDs).map { name, diffID in
            let descriptor = try Self.layer(name, diffID, folder)
            files[descriptor.digest] = name
            return descriptor
        }
        let manifest = Manifest(mediaType: .dockerManifest, config: configDescriptor, layers: descriptors)
        made = try FetchedManifest(bytes: try encodeDocument(manifest), statedType: .dockerManifest, subject: directory)
        documents = [configDescriptor.digest: configBytes]
        self.files = files
    }

    private static func unpacked(_ directory: String) throws(ImageStoreError) -> FolderFiles {
        try ImageStoreError.attempt("open", directory) { () throws(Errno) in
            // Older archives have links for layers that come twice.
            try FolderFiles(directory, isUnpacked: true)
        }
    }

    private static func entries(_ folder: FolderFiles) throws -> [DockerArchiveEntry] {
        let directory = folder.path
        guard let bytes = try? read("manifest.json", folder) else {
            throw ImageStoreError(.notFound, "open docker archive", directory, "it has no manifest.json")
        }
        do {
            return try JSONDecoder().decode([DockerArchiveEntry].self, from: Data(bytes))
        } catch {
            throw ImageStoreError(.invalid, "open docker archive", directory, "its manifest.json is none")
        }
    }

    private static func choose(
        _ entries: [DockerArchiveEntry], _ name: String?, _ place: Int?, _ directory: String
    ) throws -> DockerArchiveEntry {
        func fault(_ code: ImageStoreError.Code, _ reason: String) -> ImageStoreError {
            ImageStoreError(code, "open docker archive", directory, reason)
        }
        if let name {
            let wanted = try Reference(parsing: name).description
            let found = entries.first { entry in
                (entry.repoTags ?? []).contains { (try? Reference(parsing: $0).description) == wanted }
            }
            guard let found else { throw fault(.notFound, "it has no image \(QuotedText.line(name))") }
            return found
        }
        guard let entry = place.map({ entries.indices.contains($0) ? entries[$0] : nil }) ?? entries.first else {
            throw fault(.notFound, "it has no such image")
        }
        guard place != nil || entries.count == 1 else {
            throw fault(.ambiguous, "it has \(entries.count) images; say which")
        }
        return entry
    }

    /// A plain layer is named by its diffID; a compressed one is read to learn its digest.
    private static func layer(_ name: String, _ diffID: Digest, _ folder: FolderFiles) throws -> Descriptor {
        try ImageStoreError.attempt("read", name) { () throws(Errno) in
            let file = try folder.open(name)
            let size = Int64(try file.status().size)
            let head = try Syscall.read(file.rawValue, upTo: 4, at: 0)
            let isGzip = head.starts(with: [0x1F, 0x8B])
            guard isGzip || head.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) else {
                return Descriptor(mediaType: .dockerLayer, digest: diffID, size: size)
            }
            var hasher = Digest.Hasher(.sha256)
            while true {
                let block = try Syscall.read(file.rawValue, upTo: 1 << 20)
                if block.isEmpty { break }
                hasher.update(block)
            }
            return Descriptor(
                mediaType: isGzip ? .dockerLayerGzip : .dockerLayerZstd, digest: hasher.finalize(), size: size)
        }
    }

    private static func read(_ name: String, _ folder: FolderFiles) throws(ImageStoreError) -> [UInt8] {
        try ImageStoreError.attempt("read", "\(folder.path)/\(name)") { () throws(Errno) in
            try folder.read(name, limit: documentLimit)
        }
    }

    /// The manifest that was made, under any tag.
    package func manifest(_ selector: ManifestSelector) async throws -> FetchedManifest {
        if case .digest(let digest) = selector, digest != made.digest {
            throw ImageStoreError(.notFound, "open docker archive", folder.path, "it has no manifest \(digest)")
        }
        return made
    }

    package func blob(_ descriptor: Descriptor, _ body: ([UInt8]) async throws -> Void) async throws {
        if let bytes = documents[descriptor.digest] { return try await body(bytes) }
        guard let name = files[descriptor.digest] else {
            throw ImageStoreError(.notFound, "open docker archive", folder.path, "it has no blob \(descriptor.digest)")
        }
        try await BlobFile(name, in: folder).read(descriptor.size, body)
    }
}
