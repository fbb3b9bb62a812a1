// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ImagePolicy
package import OCIImageSpec
internal import Synchronization

/// An image that must be signed: its manifest is handed out only when a signature vouches for it, or for the index that
/// leads to it, and its blobs not before.
///
/// An index without a signature is handed out, since a signature may be for the manifest in it; then every manifest must
/// have one of its own.
package final class CheckedSource: BlobSource {
    private struct State {
        /// Whether a signature of what the reference names vouches for all that follows by content.
        var isAllowed = false
        /// Whether any manifest was found to be allowed.
        var hasManifest = false
    }

    /// The same without a guard.
    let unchecked: MirroredSource
    private let policy: ImagePolicy
    private let sources: ImageSources
    private let state = Mutex(State())

    init(source: MirroredSource, policy: ImagePolicy, sources: ImageSources) {
        unchecked = source
        self.policy = policy
        self.sources = sources
    }

    /// The repository that this is.
    package var origin: Reference? { unchecked.reference }

    /// A manifest that is allowed, or an index. Throws `PolicyError`.
    package func manifest(_ selector: ManifestSelector) async throws -> FetchedManifest {
        let fetched = try await unchecked.manifest(selector)
        if state.withLock({ $0.isAllowed }) { return fetched }
        let isNamed = selector == unchecked.reference.selector
        do {
            try await sources.check(unchecked.reference, [fetched.digest], unchecked, policy)
            state.withLock { state in
                state.hasManifest = true
                if isNamed { state.isAllowed = true }
            }
        } catch let error as PolicyError where error.code == .rejected {
            guard fetched.mediaType.kind == .index else { throw error }
        }
        return fetched
    }

    /// A blob, once a manifest is allowed.
    package func blob(_ descriptor: Descriptor, _ body: ([UInt8]) async throws -> Void) async throws {
        guard state.withLock({ $0.hasManifest }) else {
            throw PolicyError(.rejected, "use", unchecked.reference.familiar, "no manifest of it is signed")
        }
        try await unchecked.blob(descriptor, body)
    }
}
