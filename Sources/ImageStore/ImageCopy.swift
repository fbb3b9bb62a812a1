// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import OCIImageSpec
internal import Synchronization

/// Copies an image between two places, byte for byte: every manifest and blob keeps its digest.
package struct ImageCopy: Sendable {
    /// What the copy is read from and written to.
    package var source: any BlobSource
    package var destination: any BlobDestination
    /// Which image of an index is copied; nil for all of them with the index.
    package var platform: Platform?
    /// Whether an image that is in no index must be for that platform too.
    package var isDemanded: Bool
    /// For errors.
    package var name: String
    /// Blobs that are copied at the same time.
    package var parallel: Int
    private let report: (@Sendable (PullProgress) -> Void)?

    /// A copy that has not begun. A destination on disk takes one blob at a time.
    package init(
        from source: any BlobSource, to destination: any BlobDestination, platform: Platform?,
        isDemanded: Bool = false, name: String, progress: (@Sendable (PullProgress) -> Void)? = nil
    ) {
        self.source = source
        self.destination = destination
        self.platform = platform
        self.isDemanded = isDemanded
        self.name = name
        parallel = destination is any ImageDestination ? 1 : 3
        report = progress
    }

    /// Copies what the selector means under the given tags; returns its manifest or index. Blobs go before manifests,
    /// manifests before indexes.
    package func run(_ selector: ManifestSelector, as tags: [String]) async throws -> FetchedManifest {
        var fetched = try await source.manifest(selector)
        if let platform {
            for _ in 0..<4 {
                guard case .index(let index) = try fetched.document() else { break }
                guard let choice = platform.best(of: index.manifests) else {
                    throw ImageStoreError(
                        .notFound, "copy image", name, "it has no manifest for the platform \(platform)")
                }
                fetched = try await source.manifest(.digest(choice.digest))
            }
            if isDemanded { try await demand(platform, of: fetched) }
        }
        let counter = CopyCounter(report)
        try await copyChildren(of: fetched, counter, depth: 0)
        for tag in tags { try await destination.put(fetched, as: .tag(tag)) }
        if tags.isEmpty { try await destination.put(fetched, as: .digest(fetched.digest)) }
        return fetched
    }

    private func demand(_ platform: Platform, of fetched: FetchedManifest) async throws {
        guard case .manifest(let manifest) = try fetched.document(), !manifest.isArtifact else { return }
        let bytes = try await source.wholeBlob(manifest.config)
        let config = try ImageConfig(parsing: bytes, subject: manifest.config.digest.description)
        try platform.demand(of: config, "copy image", name)
    }

    private func copyChildren(of fetched: FetchedManifest, _ counter: CopyCounter, depth: Int) async throws {
        switch try fetched.document() {
        case .manifest(let manifest):
            var seen: Set<Digest> = []
            let blobs = (manifest.layers + [manifest.config]).filter { seen.insert($0.digest).inserted }
            counter.expect(blobs)
            try await copy(blobs, counter)
        case .index(let index):
            guard depth < 4 else {
                throw ImageStoreError(.invalid, "copy image", name, "its indexes are nested too deep")
            }
            for entry in index.manifests {
                let child = try await source.manifest(.digest(entry.digest))
                try await copyChildren(of: child, counter, depth: depth + 1)
                try await destination.put(child, as: .digest(child.digest))
            }
        }
    }

    private func copy(_ blobs: [Descriptor], _ counter: CopyCounter) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, blob) in blobs.enumerated() {
                if index >= parallel { try await group.next() }
                group.addTask {
                    let counted = CountingSource(source: self.source, counter: counter)
                    let outcome = try await self.destination.put(blob, from: counted)
                    counter.finished(blob, wasRead: outcome == .stored)
                }
            }
            try await group.waitForAll()
        }
    }
}

/// Adds up what is copied.
private final class CopyCounter: Sendable {
    private let state = Mutex(PullProgress(bytes: 0, totalBytes: 0, layers: 0, totalLayers: 0))
    private let report: (@Sendable (PullProgress) -> Void)?

    init(_ report: (@Sendable (PullProgress) -> Void)?) { self.report = report }

    func expect(_ blobs: [Descriptor]) {
        change {
            $0.totalBytes += blobs.totalSize ?? 0
            $0.totalLayers += blobs.count
        }
    }

    func add(_ count: Int) { change { $0.bytes += Int64(count) } }

    /// What was there already counts as done.
    func finished(_ blob: Descriptor, wasRead: Bool) {
        change {
            $0.layers += 1
            if !wasRead { $0.bytes += blob.size }
        }
    }

    private func change(_ body: (inout PullProgress) -> Void) {
        let now = state.withLock { state in
            body(&state)
            return state
        }
        report?(now)
    }
}

/// A source whose bytes are counted.
private struct CountingSource: BlobSource {
    let source: any BlobSource
    let counter: CopyCounter

    var origin: Reference? { source.origin }

    func manifest(_ selector: ManifestSelector) async throws -> FetchedManifest { try await source.manifest(selector) }

    func blob(_ descriptor: Descriptor, _ body: ([UInt8]) async throws -> Void) async throws {
        try await source.blob(descriptor) { block in
            counter.add(block.count)
            try await body(block)
        }
    }
}
