// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Archive
internal import GRDB
internal import Linux
internal import OCIImageSpec

/// What the database has of one image, as texts.
struct ImageRow {
    var id: String
    var manifest: String
    var pulled: Int64
    var tags: [String]
    var digests: [String]
    /// DiffIDs, lowest first.
    var layers: [String]
    var size: UInt64
    /// A layer or document is damaged, and must be fetched again.
    var isDamaged: Bool

    static func all(_ database: Database) throws -> [ImageRow] {
        try String.fetchAll(database, sql: "SELECT id FROM images").compactMap { try one($0, database) }
    }

    static func one(_ id: String, _ database: Database) throws -> ImageRow? {
        let sql = "SELECT manifest, pulled FROM images WHERE id = ?"
        guard let row = try Row.fetchOne(database, sql: sql, arguments: [id]) else { return nil }
        let names = "SELECT name FROM image_references WHERE image = ? AND is_tag = ? ORDER BY name"
        let layers = "SELECT diff_id FROM image_layers JOIN layers ON id = layer WHERE image = ? ORDER BY position"
        // A layer that is in the image twice is on disk once.
        let size = "SELECT sum(bytes) FROM layers WHERE id IN (SELECT layer FROM image_layers WHERE image = ?)"
        return ImageRow(
            id: id, manifest: row["manifest"], pulled: row["pulled"],
            tags: try String.fetchAll(database, sql: names, arguments: [id, true]),
            digests: try String.fetchAll(database, sql: names, arguments: [id, false]),
            layers: try String.fetchAll(database, sql: layers, arguments: [id]),
            size: UInt64(try Int64.fetchOne(database, sql: size, arguments: [id]) ?? 0),
            isDamaged: try isDamaged(id, database))
    }

    private static func isDamaged(_ id: String, _ database: Database) throws -> Bool {
        let sql = """
            SELECT EXISTS (SELECT 1 FROM image_layers JOIN layers ON id = layer WHERE image = ?1 AND damage IS NOT NULL)
                OR EXISTS (
                    SELECT 1 FROM image_content JOIN content USING (digest) WHERE image = ?1 AND damage IS NOT NULL)
            """
        return try Bool.fetchOne(database, sql: sql, arguments: [id]) ?? false
    }

    /// Writes all rows of an image that is whole on disk. `ids` are those of all its layers, lowest first; of these, only
    /// `layers` are new.
    static func record(
        _ staged: StagedImage, _ ids: [Digest], _ layers: [FinishedLayer], _ content: [(digest: Digest, bytes: Int64)],
        _ database: Database
    ) throws {
        for layer in layers {
            try database.execute(
                sql: """
                    INSERT INTO layers (id, diff_id, is_dependent, brings_root, format, bytes, inodes, checksum)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                    ON CONFLICT (id) DO UPDATE SET is_dependent = excluded.is_dependent,
                        brings_root = excluded.brings_root, format = excluded.format, bytes = excluded.bytes,
                        inodes = excluded.inodes, checksum = excluded.checksum, damage = NULL
                    """,
                arguments: [
                    layer.id.description, layer.diffID.description, layer.isDependent, layer.summary.bringsRoot,
                    layer.format, Int64(layer.summary.bytes), Int64(layer.summary.inodes), layer.summary.checksum,
                ])
        }
        for (digest, bytes) in content {
            try database.execute(
                sql: """
                    INSERT INTO content (digest, bytes) VALUES (?, ?)
                    ON CONFLICT (digest) DO UPDATE SET bytes = excluded.bytes, damage = NULL
                    """,
                arguments: [digest.description, bytes])
        }
        try recordImage(staged, ids, database)
        try recordNames(staged, database)
    }

    private static func recordImage(_ staged: StagedImage, _ ids: [Digest], _ database: Database) throws {
        let image = staged.image
        let id = image.id.description
        try database.execute(
            sql: """
                INSERT INTO images (id, manifest, pulled) VALUES (?, ?, ?)
                ON CONFLICT (id) DO UPDATE SET manifest = excluded.manifest, pulled = excluded.pulled
                """,
            arguments: [id, image.manifest.digest.description, KernelClock.realtime / 1_000_000_000])
        for (position, layer) in ids.enumerated() {
            try database.execute(
                sql: "INSERT OR REPLACE INTO image_layers (image, position, layer) VALUES (?, ?, ?)",
                arguments: [id, position, layer.description])
        }
        let wanted = [image.configDigest, image.manifest.digest] + image.blobs.map(\.digest)
        for digest in wanted {
            // Blobs have a row only where they are kept.
            try database.execute(
                sql: "INSERT OR IGNORE INTO image_content SELECT ?, digest FROM content WHERE digest = ?",
                arguments: [id, digest.description])
        }
    }

    private static func recordNames(_ staged: StagedImage, _ database: Database) throws {
        let (image, reference) = (staged.image, staged.reference)
        let byDigest = (image.indexes + [image.manifest.digest]).map { reference.at($0).description }
        let byTag = reference.digest == nil ? [reference.tagged].compactMap { $0 } : []
        for (name, isTag) in byDigest.map({ ($0, false) }) + byTag.map({ ($0, true) }) {
            try setName(name, isTag: isTag, of: image.id, database)
        }
    }

    /// Gives an image a name; it may have been another's.
    static func setName(_ name: String, isTag: Bool, of image: Digest, _ database: Database) throws {
        try database.execute(
            sql: """
                INSERT INTO image_references (name, is_tag, image) VALUES (?, ?, ?)
                ON CONFLICT (name) DO UPDATE SET image = excluded.image
                """,
            arguments: [name, isTag, image.description])
    }
}
