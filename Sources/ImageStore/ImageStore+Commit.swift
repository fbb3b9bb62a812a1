// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux
internal import GRDB
internal import Linux
internal import OCIImageSpec

extension ImageStore {
    /// The layers that have a row, and so are whole on disk.
    func presentLayers() throws -> Set<Digest> {
        let texts = try read("find layers", paths.layers) { try String.fetchAll($0, sql: "SELECT diff_id FROM layers") }
        return Set(try texts.map { try Digest(parsing: $0) })
    }

    /// Makes the staged layers and the image part of the store. Returns the image's id, or nil when a layer that was
    /// here is gone meanwhile and must be fetched. Blocks.
    func commit(_ image: ImageResolution, as reference: Reference, staged: [Digest: StagedLayer]) throws -> Digest? {
        // Data before record. Outside of the lock, because it takes as long as the disk is slow.
        if !staged.isEmpty { try syncFileSystem() }
        let lock = try StoreLock(paths.lock, exclusive: false)
        defer { _ = lock }
        // Held shared, the lock keeps those that are present from being removed.
        let present = try presentLayers()
        guard image.layers.allSatisfy({ present.contains($0.diffID) || staged[$0.diffID] != nil }) else { return nil }
        for layer in staged.values { try moveIn(layer) }
        for algorithm in Set(staged.keys.map(\.algorithm.rawValue)) { try sync("\(paths.layers)/\(algorithm)") }
        try keep(image.manifest.bytes, image.manifest.digest)
        try keep(image.configBytes, image.id)
        try write("record image", reference.description) { database in
            try Self.record(image, as: reference, staged, format.name, database)
        }
        return image.id
    }

    private func syncFileSystem() throws(ImageStoreError) {
        try ImageStoreError.attempt("flush", paths.staging) { () throws(Errno) in
            try Syscall.open(paths.staging, [.directory]).syncFileSystem()
        }
    }

    private func sync(_ directory: String) throws(ImageStoreError) {
        try ImageStoreError.attempt("flush", directory) { () throws(Errno) in
            try Syscall.open(directory, [.directory]).sync()
        }
    }

    /// A layer that is there already was flushed before it was renamed, by another pull or by one that died before its
    /// row was written: its name is a digest, so it is the same.
    private func moveIn(_ layer: StagedLayer) throws(ImageStoreError) {
        let target = paths.layer(layer.diffID)
        try ImageStoreError.attempt("move layer to", target) { () throws(Errno) in
            do throws(Errno) {
                try Syscall.rename(layer.path, target, flags: CLX_RENAME_NOREPLACE)
            } catch .EEXIST {}
        }
    }

    private func keep(_ bytes: [UInt8], _ digest: Digest) throws(ImageStoreError) {
        let path = paths.content(digest)
        guard !Syscall.exists(path) else { return }
        try ImageStoreError.attempt("write", path) { () throws(Errno) in
            try AtomicFile.write(path, bytes, mode: 0o600, durable: true)
        }
    }

    private static func record(
        _ image: ImageResolution, as reference: Reference, _ staged: [Digest: StagedLayer], _ format: String,
        _ database: Database
    ) throws {
        for layer in staged.values {
            try database.execute(
                sql: "INSERT OR IGNORE INTO layers (diff_id, format, bytes, inodes) VALUES (?, ?, ?, ?)",
                arguments: [layer.diffID.description, format, Int64(layer.bytes), Int64(layer.inodes)])
        }
        let id = image.id.description
        try database.execute(
            sql: """
                INSERT INTO images (id, manifest, pulled) VALUES (?, ?, ?)
                ON CONFLICT (id) DO UPDATE SET manifest = excluded.manifest, pulled = excluded.pulled
                """,
            arguments: [id, image.manifest.digest.description, KernelClock.realtime / 1_000_000_000])
        for (position, layer) in image.layers.enumerated() {
            try database.execute(
                sql: "INSERT OR IGNORE INTO image_layers (image, position, layer) VALUES (?, ?, ?)",
                arguments: [id, position, layer.diffID.description])
        }
        let byDigest = (image.indexes + [image.manifest.digest]).map { reference.at($0).description }
        let byTag = reference.digest == nil ? [reference.tagged].compactMap { $0 } : []
        for (name, isTag) in byDigest.map({ ($0, false) }) + byTag.map({ ($0, true) }) {
            // A tag may have moved here from another image.
            try database.execute(
                sql: """
                    INSERT INTO image_references (name, is_tag, image) VALUES (?, ?, ?)
                    ON CONFLICT (name) DO UPDATE SET image = excluded.image
                    """,
                arguments: [name, isTag, id])
        }
    }
}
