// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials
internal import Linux
package import OCIImageSpec

/// An OCI image layout on disk, new or with images in it already. Source: image-spec, image-layout.md.
package struct LayoutDestination: ImageDestination {
    private let directory: String
    /// The directory, when it was made for this.
    private let made: UnpackTarget?

    /// The layout in the directory, which is made. Throws `.inUse` when it is something else already.
    package init(directory: String) throws {
        self.directory = directory
        let marker = "\(directory)/oci-layout"
        if Syscall.exists(marker) {
            made = nil
            return
        }
        made = try UnpackTarget(directory)
        try ImageStoreError.attempt("create image layout", directory) { () throws(Errno) in
            for algorithm in Digest.Algorithm.allCases {
                try Syscall.makeDirectories("\(directory)/blobs/\(algorithm.rawValue)")
            }
            try AtomicFile.write(marker, "{\"imageLayoutVersion\":\"1.0.0\"}")
        }
    }

    private func path(_ digest: Digest) -> String { "\(directory)/blobs/\(digest.algorithm.rawValue)/\(digest.hex)" }

    /// Writes the blob beside its place, and moves it there when it is verified.
    package func put(_ descriptor: Descriptor, from source: any BlobSource) async throws -> BlobOutcome {
        let path = path(descriptor.digest)
        if let status = try? Syscall.status(path), status.size == descriptor.size { return .present }
        let temporary = "\(path).\(randomName())"
        let file = try await BlobFile(making: temporary)
        do {
            try await source.write(descriptor, to: file)
            try await BlockingPool.run { () throws in
                try ImageStoreError.attempt("write", path) { () throws(Errno) in
                    try Syscall.changeMode(temporary, 0o644)
                    try Syscall.rename(temporary, path)
                }
            }
        } catch {
            // The first failure is the one to tell.
            try? await BlockingPool.run { () throws in try Syscall.removeFile(temporary) }
            throw error
        }
        return .stored
    }

    /// A tag gets an entry in the index, in place of one that has the same name; the empty tag one without a name.
    package func put(_ manifest: FetchedManifest, as selector: ManifestSelector) async throws {
        let (path, indexPath, directory) = (path(manifest.digest), "\(directory)/index.json", directory)
        try await BlockingPool.run { () throws in
            try ImageStoreError.attempt("write", path) { () throws(Errno) in try AtomicFile.write(path, manifest.bytes)
            }
            guard case .tag(let tag) = selector else { return }
            // Others may write to the same layout.
            let lock = try ImageStoreError.attempt("lock", directory) { () throws(Errno) in
                let opened = try Syscall.open(directory, [.directory])
                _ = try Syscall.lock(opened.rawValue, exclusive: true, wait: true)
                return SharedFD(opened)
            }
            defer { _ = lock }
            let bytes = try Self.index(at: indexPath, adding: manifest.descriptor, tag)
            try ImageStoreError.attempt("write", indexPath) { () throws(Errno) in try AtomicFile.write(indexPath, bytes)
            }
        }
    }

    private static func index(at path: String, adding descriptor: Descriptor, _ tag: String) throws -> [UInt8] {
        var index = Index(manifests: [])
        if Syscall.exists(path) {
            let bytes = try ImageStoreError.attempt("read", path) { () throws(Errno) in
                try Syscall.readFile(path, limit: documentLimit)
            }
            index = try Index(parsing: bytes, subject: path)
        }
        var entry = descriptor
        if !tag.isEmpty { entry.annotations = [LayoutSource.refName: tag] }
        index.manifests.removeAll { old in
            let name = old.annotations?[LayoutSource.refName]
            return tag.isEmpty ? name == nil && old.digest == descriptor.digest : name == tag
        }
        index.manifests.append(entry)
        return try encodeDocument(index)
    }

    package func finish() async throws {}

    package func abandon() async {
        let made = made
        // The first failure is the one to tell. Blobs in a layout that was there before are found by the next attempt.
        try? await BlockingPool.run { () throws in try made?.undo() }
    }
}

/// A document as JSON with its keys in order, so that the same content has the same digest.
func encodeDocument(_ document: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return [UInt8](try encoder.encode(document))
}
