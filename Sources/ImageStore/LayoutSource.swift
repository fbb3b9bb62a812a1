// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials
internal import Linux
package import OCIImageSpec

/// An OCI image layout on disk: `oci-layout`, `index.json`, `blobs/<algorithm>/<hex>`. Source: image-spec,
/// image-layout.md.
package struct LayoutSource: BlobSource {
    private let directory: String
    private let files: FolderFiles
    private let tag: String?

    /// The layout in the directory. `tag` chooses an entry of its index by `org.opencontainers.image.ref.name`; nil
    /// takes the only entry, or lets the platform choose among several. A directory that `isUnpacked` from an archive may
    /// hold links to anywhere, which are not followed out of it. Throws `.notFound` when the directory is none.
    package init(directory: String, tag: String? = nil, isUnpacked: Bool = false) throws {
        self.directory = directory
        self.tag = tag
        let marker = "\(directory)/oci-layout"
        let bytes: [UInt8]
        do throws(Errno) {
            files = try FolderFiles(directory, isUnpacked: isUnpacked)
            bytes = try files.read("oci-layout", limit: documentLimit)
        } catch {
            let code: ImageStoreError.Code = error == .ENOENT || error == .ENOTDIR ? .notFound : .io
            throw ImageStoreError(code, "open image layout", directory, "\(marker): \(error)")
        }
        let version = try? JSONDecoder().decode(Marker.self, from: Data(bytes)).imageLayoutVersion
        guard let version, version.hasPrefix("1.") else {
            throw ImageStoreError(.invalid, "open image layout", directory, "\(marker) has no known layout version")
        }
    }

    /// The names in the index of the layout, nil for an entry that has none. Blocks.
    package func tags() throws -> [String?] {
        try Index(parsing: read("index.json"), subject: "\(directory)/index.json").manifests.map {
            $0.annotations?[Self.refName]
        }
    }

    private func read(_ name: String) throws(ImageStoreError) -> [UInt8] {
        try ImageStoreError.attempt("read", "\(directory)/\(name)") { () throws(Errno) in
            try files.read(name, limit: documentLimit)
        }
    }

    private struct Marker: Decodable { var imageLayoutVersion: String }

    /// A tag of the reference means nothing here: the entry was chosen when the source was made.
    package func manifest(_ selector: ManifestSelector) async throws -> FetchedManifest {
        switch selector {
        case .digest(let digest): try await document(digest, type: nil)
        case .tag: try await chosen()
        }
    }

    private func chosen() async throws -> FetchedManifest {
        let path = "\(directory)/index.json"
        let bytes = try await BlockingPool.run { () throws in try read("index.json") }
        let index = try Index(parsing: bytes, subject: path)
        let entries =
            tag.map { tag in index.manifests.filter { $0.annotations?[Self.refName] == tag } } ?? index.manifests
        guard let entry = entries.first else {
            let reason = tag.map { "it has no image tagged \(QuotedText.line($0))" } ?? "it has no image"
            throw ImageStoreError(.notFound, "open image layout", directory, reason)
        }
        guard entries.count == 1 else {
            guard tag == nil else {
                throw ImageStoreError(.ambiguous, "open image layout", directory, "several of its images have the tag")
            }
            return try FetchedManifest(bytes: bytes, statedType: .imageIndex, subject: path)
        }
        return try await document(entry.digest, type: entry.mediaType)
    }

    static let refName = "org.opencontainers.image.ref.name"

    private func document(_ digest: Digest, type: MediaType?) async throws -> FetchedManifest {
        let bytes = try await BlockingPool.run { () throws in try read(Self.name(digest)) }
        let fetched = try FetchedManifest(
            bytes: bytes, statedType: type, algorithm: digest.algorithm, subject: digest.description)
        guard fetched.digest == digest else {
            throw ImageStoreError(
                .digestMismatch, "read", "\(directory)/\(Self.name(digest))",
                "its content has the digest \(fetched.digest)")
        }
        return fetched
    }

    /// Streams a file of the layout in blocks of 1 MiB.
    package func blob(_ descriptor: Descriptor, _ body: ([UInt8]) async throws -> Void) async throws {
        try await BlobFile(Self.name(descriptor.digest), in: files).read(descriptor.size, body)
    }

    private static func name(_ digest: Digest) -> String { "blobs/\(digest.algorithm.rawValue)/\(digest.hex)" }
}
