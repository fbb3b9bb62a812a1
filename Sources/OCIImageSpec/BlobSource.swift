// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Which manifest of a repository is meant.
package enum ManifestSelector: Hashable, Sendable, CustomStringConvertible {
    /// By name, which may move.
    case tag(String)
    /// By content.
    case digest(Digest)

    /// The tag or the digest.
    package var description: String {
        switch self {
        case .tag(let tag): tag
        case .digest(let digest): digest.description
        }
    }
}

/// A place that holds the manifests and blobs of one repository: a registry, or a layout on disk.
///
/// The functions may be called concurrently. They end early, with an error, when their task is cancelled.
package protocol BlobSource: Sendable {
    /// The bytes of the manifest or index that is selected. The digest is computed from these bytes, and equals the
    /// selected one when a digest was selected; at most `documentLimit` bytes are accepted.
    func manifest(_ selector: ManifestSelector) async throws -> FetchedManifest

    /// Streams one blob: calls `body` with consecutive chunks (some hundred KiB each, the last one smaller, never
    /// empty) and returns when all bytes were delivered. The next bytes are read only while `body` does not run, or
    /// as far as a bounded buffer allows, so a slow `body` slows the source down. An error of `body` is passed on
    /// unchanged. Does not verify the digest, which is the caller's duty, but throws when the content is shorter or
    /// longer than `descriptor.size`; never delivers more than that.
    func blob(_ descriptor: Descriptor, _ body: ([UInt8]) async throws -> Void) async throws

    /// The repository in a registry that this is, so that a registry can take a blob over from another repository of its
    /// own; nil for everything else.
    var origin: Reference? { get }
}

extension BlobSource {
    /// Not in a registry.
    package var origin: Reference? { nil }

    /// The whole of a small blob, verified against the descriptor's digest; the embedded `data` is used when there.
    /// Throws `.tooLarge` above `limit` bytes and `.invalid` when the digest differs.
    package func wholeBlob(_ descriptor: Descriptor, limit: Int = documentLimit) async throws -> [UInt8] {
        func fault(_ code: ImageSpecError.Code, _ reason: String) -> ImageSpecError {
            ImageSpecError(code, "fetch blob", descriptor.digest.description, reason)
        }
        guard descriptor.size <= limit else {
            throw fault(.tooLarge, "\(descriptor.size) bytes, the limit is \(limit)")
        }
        if let data = descriptor.data {
            let bytes = [UInt8](data)
            if Digest(of: bytes, descriptor.digest.algorithm) == descriptor.digest { return bytes }
        }
        var bytes: [UInt8] = []
        try await blob(descriptor) { bytes += $0 }
        let found = Digest(of: bytes, descriptor.digest.algorithm)
        guard found == descriptor.digest else { throw fault(.invalid, "the content has the digest \(found)") }
        return bytes
    }
}
