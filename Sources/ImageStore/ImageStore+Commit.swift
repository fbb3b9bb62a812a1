// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import GRDB
internal import Linux
internal import OCIImageSpec

/// What a pull has ready to become part of the store.
struct StagedImage: Sendable {
    var image: ImageResolution
    var reference: Reference
    var layers: [FinishedLayer]
    var documents: StagedDocuments
}

extension ImageStore {
    /// Makes the staged layers and the image part of the store. Returns the image's id, or nil when a layer that was
    /// here is gone meanwhile and must be fetched. Blocks.
    func commit(_ staged: StagedImage) throws -> Digest? {
        // Many small files are flushed together; a large one was by itself, and a small one is with the directories.
        let needsFlush = staged.layers.contains { $0.pendingFlush == .fileSystem || $0.blob != nil }
        // Data before record. Outside of the lock, because it takes as long as the disk is slow.
        if needsFlush { try syncFileSystem() }
        guard let trash = try moveIn(staged) else { return nil }
        try removeTrash(trash)
        return staged.image.id
    }

    /// Moves what is staged to its place and records it, all under the store's lock. Returns what had to make room, or nil,
    /// and moves nothing, when a layer is missing.
    private func moveIn(_ staged: StagedImage) throws -> [String]? {
        let lock = try StoreLock.take(paths.lock, exclusive: true)
        defer { _ = lock }
        let present = try presentLayers()
        // One that is staged no more was moved in by another pull of it.
        let moving = staged.layers.filter { !present.contains($0.id) && Syscall.exists($0.path) }
        let here = present.adding(moving)
        let ids = staged.image.layers.compactMap { here.id(of: $0) }
        guard ids.count == staged.image.layers.count else { return nil }
        var trash: [String] = []
        for layer in moving { trash += try moveIn(layer.path, paths.layer(layer.id, format: layer.format)) }
        let content = try moveInContent(staged, &trash)
        try flush(moving, content)
        try write("record image", staged.reference.description) { database in
            try ImageRow.record(staged, ids, moving, content, database)
        }
        return trash
    }

    /// Flushes what was moved in and is small, and the directories that have new names: side by side, which takes the disk no
    /// longer than one of them.
    private func flush(_ layers: [FinishedLayer], _ content: [(digest: Digest, bytes: Int64)]) throws(ImageStoreError) {
        let directories =
            layers.map { "\(paths.layers)/\($0.id.algorithm.rawValue)" }
            + content.map { "\(paths.content)/\($0.digest.algorithm.rawValue)" }
        let small = layers.filter { $0.pendingFlush == .file }.map { paths.layer($0.id, format: $0.format) }
        try Flush.all(Set(directories) + small + content.map { paths.content($0.digest) })
    }

    /// Moves documents, and blobs that are kept, to where they are found. Returns those that were not there.
    private func moveInContent(
        _ staged: StagedImage, _ trash: inout [String]
    ) throws -> [(digest: Digest, bytes: Int64)] {
        let known = Set(
            try read("find content", paths.content) {
                try String.fetchAll($0, sql: "SELECT digest FROM content WHERE damage IS NULL")
            })
        var moved: [(digest: Digest, bytes: Int64)] = []
        for document in staged.documents.all where !known.contains(document.digest.description) {
            trash += try moveIn(staged.documents.path(document.digest), paths.content(document.digest))
            moved.append(document)
        }
        for layer in staged.layers {
            guard let blob = layer.blob, !known.contains(blob.digest.description), Syscall.exists(layer.blobPath) else {
                continue
            }
            trash += try moveIn(layer.blobPath, paths.content(blob.digest))
            moved.append((blob.digest, blob.size))
        }
        return moved
    }

    /// What is at the target without a row was left by a process that died: nobody else moves while the lock is held.
    /// Returns where it is now.
    private func moveIn(_ path: String, _ target: String) throws(ImageStoreError) -> [String] {
        let trash = Syscall.exists(target) ? [try discard(target)] : []
        try ImageStoreError.attempt("move to", target) { () throws(Errno) in try Syscall.rename(path, target) }
        return trash
    }

    private func syncFileSystem() throws(ImageStoreError) {
        try ImageStoreError.attempt("flush", paths.staging) { () throws(Errno) in
            try Syscall.open(paths.staging, [.directory]).syncFileSystem()
        }
    }
}
