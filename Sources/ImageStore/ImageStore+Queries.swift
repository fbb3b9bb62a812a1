// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import GRDB
internal import Linux
package import OCIImageSpec
internal import Synchronization

extension ImageStore {
    /// All images that are whole, in the order of their first names.
    package func images() throws -> [Image] { try images(withDamaged: false) }

    /// All images whose configuration can be read, in the order of their first names.
    func images(withDamaged: Bool) throws -> [Image] {
        let rows = try read("list images", paths.images) { try ImageRow.all($0) }
        return try rows.filter { withDamaged || !$0.isDamaged }.compactMap { try image($0) }
            .sorted { ($0.repoTags.first ?? "~", $0.id) < ($1.repoTags.first ?? "~", $1.id) }
    }

    /// The image of that name, or nil: a tag or digest reference in any form, an id, or the beginning of one. Throws
    /// `.ambiguous` when several ids begin so. A damaged image is none, so that it is pulled again.
    package func image(_ nameOrID: String) throws -> Image? {
        let row = try read("find image", nameOrID) { database in
            try Self.find(nameOrID, database).flatMap { try ImageRow.one($0, database) }
        }
        return try row.flatMap { $0.isDamaged ? nil : try image($0) }
    }

    /// The id of the image of that name, damaged or not.
    package func imageID(_ nameOrID: String) throws -> Digest? {
        try read("find image", nameOrID) { database in
            try Self.find(nameOrID, database).map { try Digest(parsing: $0) }
        }
    }

    /// The image of that id, or nil.
    package func image(id: Digest) throws -> Image? {
        let row = try read("find image", id.description) { try ImageRow.one(id.description, $0) }
        return try row.flatMap { $0.isDamaged ? nil : try image($0) }
    }

    /// The digests of the manifests and indexes that images of the store are known by, also of damaged ones.
    package func manifestDigests() throws -> Set<Digest> {
        let rows = try read("list images", paths.images) { try ImageRow.all($0) }
        let named = rows.flatMap(\.digests).compactMap { try? Reference(parsing: $0).digest }
        return Set(named + (try rows.map { try Digest(parsing: $0.manifest) }))
    }

    /// The layers of an image, lowest first.
    package func layers(of image: Image) throws -> [StoredLayer] {
        try read("list layers", image.id.description) { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT diff_id, format, bytes, inodes,
                        (SELECT count(DISTINCT image) FROM image_layers AS all_layers WHERE all_layers.layer = id)
                            AS images
                    FROM image_layers JOIN layers ON id = layer WHERE image = ? ORDER BY position
                    """, arguments: [image.id.description]
            ).map { row in
                StoredLayer(
                    diffID: try Digest(parsing: row["diff_id"]), format: row["format"],
                    bytes: UInt64(row["bytes"] as Int64), inodes: UInt64(row["inodes"] as Int64), images: row["images"])
            }
        }
    }

    /// The id in the form of the database.
    private static func find(_ text: String, _ database: Database) throws -> String? {
        if let reference = try? Reference(parsing: text) {
            let names = [reference.digest.map { reference.at($0).description }, reference.tagged].compactMap { $0 }
            for name in names {
                let sql = "SELECT image FROM image_references WHERE name = ?"
                if let id = try String.fetchOne(database, sql: sql, arguments: [name]) { return id }
            }
        }
        var (algorithms, hex) = (Digest.Algorithm.allCases, text[...])
        if let stated = algorithms.first(where: { text.hasPrefix("\($0.rawValue):") }) {
            (algorithms, hex) = ([stated], text.dropFirst(stated.rawValue.count + 1))
        }
        guard !hex.isEmpty, hex.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }) else {
            return nil
        }
        let ids = try algorithms.flatMap { algorithm in
            let prefix = "\(algorithm.rawValue):\(hex)"
            return try String.fetchAll(
                database, sql: "SELECT id FROM images WHERE substr(id, 1, ?) = ? LIMIT 2",
                arguments: [prefix.utf8.count, prefix])
        }
        guard ids.count < 2 else {
            throw ImageStoreError(.ambiguous, "find image", text, "several image ids begin so")
        }
        return ids.first
    }

    /// The bytes of a manifest or configuration of an image in the store, verified.
    package func content(_ digest: Digest) throws -> [UInt8] {
        let path = paths.content(digest)
        let bytes = try ImageStoreError.attempt("read", path) { () throws(Errno) -> [UInt8]? in
            do throws(Errno) { return try Syscall.readFile(path, limit: documentLimit) } catch .ENOENT { return nil }
        }
        guard let bytes, Digest(of: bytes, digest.algorithm) == digest else {
            throw ImageStoreError(.digestMismatch, "read", path, bytes == nil ? "it is missing" : "it is damaged")
        }
        return bytes
    }

    /// The content that is whole on disk: documents, and blobs that are kept.
    func keptContent() throws -> Set<Digest> {
        let texts = try read("find content", paths.content) {
            try String.fetchAll($0, sql: "SELECT digest FROM content WHERE damage IS NULL")
        }
        return Set(try texts.map { try Digest(parsing: $0) })
    }

    /// Nil when its configuration, or the manifest of an artifact, is damaged, which is then on record.
    private func image(_ row: ImageRow) throws -> Image? {
        let id = try Digest(parsing: row.id)
        let layers = try row.layers.map { try Digest(parsing: $0) }
        var artifactType: MediaType?
        var known = configs.withLock { $0[id] }
        if row.id == row.manifest {
            artifactType = try document(id) { try Manifest(parsing: $0, subject: row.id).type }
            known = artifactType.map { _ in .ofArtifact(layers) }
        } else if known == nil {
            known = try document(id) { try ImageConfig(parsing: $0, subject: row.id) }
            configs.withLock { $0[id] = known }
        }
        guard let config = known else { return nil }
        return Image(
            id: id, manifest: try Digest(parsing: row.manifest), repoTags: row.tags,
            repoDigests: row.digests, size: row.size, config: config, artifactType: artifactType, layers: layers,
            pulled: row.pulled, isPinned: settings.pinned.contains(row.tags + row.digests))
    }

    private func document<Value>(_ id: Digest, _ parse: ([UInt8]) throws -> Value) throws -> Value? {
        let file = DiskFile(paths.content(id))
        do {
            return try parse(content(id))
        } catch let error as ImageStoreError where error.code == .digestMismatch {
            try quarantine([Finding(damage: .content(id, error.reason), file: file)])
            return nil
        }
    }
}
