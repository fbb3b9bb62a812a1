// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import GRDB
internal import Linux
package import OCIImageSpec
internal import Synchronization

extension ImageStore {
    /// All images, in the order of their first names.
    package func images() throws -> [Image] {
        let records = try read("list images", paths.root) { try ImageRecord.all($0) }
        return try records.map { try image($0) }
            .sorted { ($0.repoTags.first ?? "~", $0.id) < ($1.repoTags.first ?? "~", $1.id) }
    }

    /// The image of that name, or nil: a tag or digest reference in any form, an id, or the beginning of one. Throws
    /// `.ambiguous` when several ids begin so.
    package func image(_ nameOrID: String) throws -> Image? {
        let record = try read("find image", nameOrID) { database in
            try Self.find(nameOrID, database).flatMap { try ImageRecord.one($0, database) }
        }
        return try record.map { try image($0) }
    }

    /// The image of that id, or nil.
    package func image(id: Digest) throws -> Image? {
        let record = try read("find image", id.description) { try ImageRecord.one(id.description, $0) }
        return try record.map { try image($0) }
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
        let hex = text.hasPrefix("sha256:") ? text.dropFirst("sha256:".count) : text[...]
        guard !hex.isEmpty, hex.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }) else {
            return nil
        }
        let prefix = "sha256:\(hex)"
        let ids = try String.fetchAll(
            database, sql: "SELECT id FROM images WHERE substr(id, 1, ?) = ? LIMIT 2",
            arguments: [prefix.utf8.count, prefix])
        guard ids.count < 2 else {
            throw ImageStoreError(.ambiguous, "find image", text, "several image ids begin so")
        }
        return ids.first
    }

    /// The bytes of a manifest or configuration of an image in the store.
    package func content(_ digest: Digest) throws -> [UInt8] {
        let path = paths.content(digest)
        return try ImageStoreError.attempt("read", path) { () throws(Errno) in
            try Syscall.readFile(path, limit: documentLimit)
        }
    }

    func image(_ record: ImageRecord) throws -> Image {
        let id = try Digest(parsing: record.id)
        return Image(
            id: id, manifest: try Digest(parsing: record.manifest), repoTags: record.tags,
            repoDigests: record.digests, size: record.size, config: try config(id),
            layers: try record.layers.map { try Digest(parsing: $0) })
    }

    private func config(_ id: Digest) throws -> ImageConfig {
        if let known = configs.withLock({ $0[id] }) { return known }
        let config = try ImageConfig(parsing: content(id), subject: id.description)
        configs.withLock { $0[id] = config }
        return config
    }
}

/// What the database has of one image, as texts.
struct ImageRecord {
    var id: String
    var manifest: String
    var tags: [String]
    var digests: [String]
    var layers: [String]
    var size: UInt64

    static func all(_ database: Database) throws -> [ImageRecord] {
        try String.fetchAll(database, sql: "SELECT id FROM images").compactMap { try one($0, database) }
    }

    static func one(_ id: String, _ database: Database) throws -> ImageRecord? {
        let sql = "SELECT manifest FROM images WHERE id = ?"
        guard let manifest = try String.fetchOne(database, sql: sql, arguments: [id]) else { return nil }
        let names = "SELECT name FROM image_references WHERE image = ? AND is_tag = ? ORDER BY name"
        let layers = "SELECT layer FROM image_layers WHERE image = ? ORDER BY position"
        // A layer that is in the image twice is on disk once.
        let size = "SELECT sum(bytes) FROM layers WHERE diff_id IN (SELECT layer FROM image_layers WHERE image = ?)"
        return ImageRecord(
            id: id, manifest: manifest,
            tags: try String.fetchAll(database, sql: names, arguments: [id, true]),
            digests: try String.fetchAll(database, sql: names, arguments: [id, false]),
            layers: try String.fetchAll(database, sql: layers, arguments: [id]),
            size: UInt64(try Int64.fetchOne(database, sql: size, arguments: [id]) ?? 0))
    }
}
