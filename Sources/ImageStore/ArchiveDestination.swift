// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
package import OCIImageSpec
internal import Synchronization

/// A tar file that holds an image layout, written from beginning to end without a copy of it elsewhere. Source:
/// containers-transports(5), `oci-archive:`.
package final class LayoutArchiveDestination: ImageDestination {
    private let tar: TarWriter
    private let state = Mutex(State())

    private struct State {
        var entries: [Descriptor] = []
        var written: Set<Digest> = []
    }

    /// A new file.
    package init(path: String) throws {
        tar = try TarWriter(path)
    }

    private static func name(_ digest: Digest) -> String { "blobs/\(digest.algorithm.rawValue)/\(digest.hex)" }

    private func isNew(_ digest: Digest) -> Bool { state.withLock { $0.written.insert(digest).inserted } }

    package func put(_ descriptor: Descriptor, from source: any BlobSource) async throws -> BlobOutcome {
        guard isNew(descriptor.digest) else { return .present }
        let tar = tar
        var hasher = Digest.Hasher(descriptor.digest.algorithm)
        try await source.blob(descriptor) { block in
            hasher.update(block)
            try await BlockingPool.run { () throws in try tar.append(block) }
        }
        let found = hasher.finalize()
        guard found == descriptor.digest else {
            throw ImageStoreError(
                .digestMismatch, "fetch blob", descriptor.digest.description, "the content has the digest \(found)")
        }
        try await BlockingPool.run { () throws in try tar.endEntry(Self.name(descriptor.digest)) }
        return .stored
    }

    package func put(_ manifest: FetchedManifest, as selector: ManifestSelector) async throws {
        if isNew(manifest.digest) {
            let tar = tar
            try await BlockingPool.run { () throws in try tar.add(Self.name(manifest.digest), manifest.bytes) }
        }
        guard case .tag(let tag) = selector else { return }
        var entry = manifest.descriptor
        if !tag.isEmpty { entry.annotations = [LayoutSource.refName: tag] }
        state.withLock { $0.entries.append(entry) }
    }

    /// Writes the index and ends the archive.
    package func finish() async throws {
        let (tar, index) = (tar, try encodeDocument(Index(manifests: state.withLock { $0.entries })))
        try await BlockingPool.run { () throws in
            try tar.add("index.json", index)
            try tar.add("oci-layout", Array("{\"imageLayoutVersion\":\"1.0.0\"}".utf8))
            try tar.finish()
        }
    }

    package func abandon() async { await tar.remove() }
}

extension TarWriter {
    /// Removes the file, of which only a part was written.
    func remove() async {
        let path = path
        // The failure that led here is the one to tell.
        try? await BlockingPool.run { () throws in try Syscall.removeFile(path) }
    }
}
