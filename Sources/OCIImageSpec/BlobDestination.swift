// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// What became of a blob that was to be stored.
package enum BlobOutcome: Hashable, Sendable {
    /// It was there before; nothing was sent.
    case present
    /// The registry took it over from another of its repositories; nothing was sent.
    case mounted
    /// It was sent.
    case stored
}

/// A place that takes the manifests and blobs of one repository: a registry, or a layout on disk.
///
/// Blobs go before the manifests that name them, manifests before the indexes that name them. The functions may be called
/// concurrently, and end early, with an error, when their task is cancelled. What was stored before a failure stays: it is
/// found again by the next attempt.
package protocol BlobDestination: Sendable {
    /// Makes sure that a blob is there. `source` is read only when it is not, and read anew when an attempt is repeated;
    /// its errors are passed on unchanged. The content is checked against the descriptor's digest.
    func put(_ descriptor: Descriptor, from source: any BlobSource) async throws -> BlobOutcome

    /// Stores a manifest or index under a tag, or only by its digest: then the selector must be that.
    func put(_ manifest: FetchedManifest, as selector: ManifestSelector) async throws
}
