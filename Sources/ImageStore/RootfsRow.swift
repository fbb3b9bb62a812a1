// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import GRDB
internal import OCIImageSpec

/// What the database has of the root file system of a container.
struct RootfsRow {
    /// The boot in which its upper layer was begun, if that is lost with the machine.
    var boot: String?
    /// Under which the file system counts what its container writes, if that is limited.
    var project: UInt32?

    /// Beyond the numbers that kubelet gives to volumes.
    private static let firstProject: Int64 = 0x5F00_0000

    /// Writes the row before anything is made, or finds the one that is there. Throws when that is of another image or
    /// kind.
    static func record(
        _ id: String, _ image: Digest, _ isReadOnly: Bool, _ boot: String?, isLimited: Bool, _ database: Database
    ) throws -> RootfsRow {
        func fault(_ code: ImageStoreError.Code, _ reason: String) -> ImageStoreError {
            ImageStoreError(code, "mount rootfs of container", id, reason)
        }
        guard
            try String.fetchOne(
                database, sql: "SELECT id FROM images WHERE id = ?", arguments: [image.description]) != nil
        else { throw fault(.notFound, "no image \(image)") }
        let sql = "SELECT image, is_read_only, boot, project FROM rootfs WHERE container = ?"
        if let row = try Row.fetchOne(database, sql: sql, arguments: [id]) {
            guard row["image"] == image.description, row["is_read_only"] == isReadOnly else {
                throw fault(.inUse, "it has a rootfs of another image or kind")
            }
            return RootfsRow(boot: row["boot"], project: row["project"])
        }
        let kept = isReadOnly ? nil : boot
        let last = try Int64.fetchOne(database, sql: "SELECT max(project) FROM rootfs") ?? firstProject
        let project = isLimited && !isReadOnly ? UInt32(truncatingIfNeeded: last + 1) : nil
        try database.execute(
            sql: "INSERT INTO rootfs (container, image, is_read_only, boot, project) VALUES (?, ?, ?, ?, ?)",
            arguments: [id, image.description, isReadOnly, kept, project])
        return RootfsRow(boot: kept, project: project)
    }
}
