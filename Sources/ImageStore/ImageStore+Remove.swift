// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import GRDB
internal import Linux
package import OCIImageSpec
internal import Synchronization

extension ImageStore {
    /// Removes the image with all its names, and the layers that no other image has. Throws `.notFound`, and `.inUse`
    /// when a container has its root file system from it or it is mounted otherwise.
    package func remove(_ id: Digest) throws {
        try removeTrash(try discardUnreferenced { try Self.unrecord(id, $0) })
        _ = configs.withLock { $0.removeValue(forKey: id) }
        _ = manifestAnnotations.withLock { $0.removeValue(forKey: id) }
    }

    /// Gives an image another name. Throws `.notFound` when there is no such image.
    package func tag(_ id: Digest, as reference: Reference) throws {
        guard reference.digest == nil, let name = reference.tagged else {
            throw ImageStoreError(.invalid, "tag image as", reference.description, "a digest is no tag")
        }
        try write("tag image as", name) { database in
            guard try ImageRow.one(id.description, database) != nil else {
                throw ImageStoreError(.notFound, "tag image", id.description, "no such image")
            }
            try ImageRow.setName(name, isTag: true, of: id, database)
        }
    }

    /// Takes one tag from an image. Returns false, and takes nothing, when it is the last: then the image is to be removed.
    package func untag(_ reference: Reference) throws -> Bool {
        guard reference.digest == nil, let name = reference.tagged else { return false }
        return try write("untag image", name) { database in
            let others = """
                SELECT count(*) FROM image_references WHERE is_tag AND name <> ?1
                    AND image = (SELECT image FROM image_references WHERE name = ?1 AND is_tag)
                """
            guard try Int.fetchOne(database, sql: others, arguments: [name]) ?? 0 > 0 else { return false }
            try database.execute(sql: "DELETE FROM image_references WHERE name = ? AND is_tag", arguments: [name])
            return true
        }
    }

    private static func unrecord(_ id: Digest, _ database: Database) throws {
        let arguments: StatementArguments = [id.description]
        guard
            try String.fetchOne(database, sql: "SELECT id FROM images WHERE id = ?", arguments: arguments) != nil
        else { throw ImageStoreError(.notFound, "remove image", id.description, "no such image") }
        let users = try String.fetchAll(
            database, sql: "SELECT container FROM rootfs WHERE image = ? ORDER BY container", arguments: arguments)
        let mounts = try String.fetchAll(
            database, sql: "SELECT id FROM image_mounts WHERE image = ? ORDER BY id", arguments: arguments)
        func shown(_ names: [String]) -> String {
            names.prefix(3).joined(separator: ", ") + (names.count > 3 ? ", ..." : "")
        }
        guard users.isEmpty else {
            throw ImageStoreError(.inUse, "remove image", id.description, "used by the container \(shown(users))")
        }
        guard mounts.isEmpty else {
            throw ImageStoreError(.inUse, "remove image", id.description, "mounted as \(shown(mounts))")
        }
        try database.execute(sql: "DELETE FROM images WHERE id = ?", arguments: arguments)
    }

    /// Runs the change of the database, removes the rows of layers and content that nothing refers to then, and moves
    /// what they stood for out of the way. Returns where it is now.
    func discardUnreferenced(_ change: (Database) throws -> Void) throws -> [String] {
        // No pull may find a layer between the end of its row and its move to the trash.
        let lock = try StoreLock.take(paths.lock, exclusive: true)
        defer { _ = lock }
        let garbage = try write("remove what is not used from", paths.images) { database in
            try change(database)
            return try self.unrecordUnreferenced(database)
        }
        return try garbage.map { try discard($0) }
    }

    private func unrecordUnreferenced(_ database: Database) throws -> [String] {
        let layers = "FROM layers WHERE id NOT IN (SELECT layer FROM image_layers)"
        let content = "FROM content WHERE digest NOT IN (SELECT digest FROM image_content)"
        let paths = paths
        let files =
            try Row.fetchAll(database, sql: "SELECT id, format \(layers)").map {
                paths.layer(try Digest(parsing: $0["id"]), format: $0["format"])
            }
            + String.fetchAll(database, sql: "SELECT digest \(content)").map { paths.content(try Digest(parsing: $0)) }
        try database.execute(sql: "DELETE \(layers)")
        try database.execute(sql: "DELETE \(content)")
        return files
    }

    /// Moves what must not be found any more out of the way, and returns where it is now. It is right that nothing is
    /// there.
    func discard(_ path: String) throws(ImageStoreError) -> String {
        let target = "\(paths.trash)/\(randomName())"
        try ImageStoreError.attempt("remove", path) { () throws(Errno) in
            do throws(Errno) { try Syscall.rename(path, target) } catch .ENOENT {}
        }
        return target
    }

    func removeTrash(_ trash: [String]) throws(ImageStoreError) {
        for path in trash {
            try ImageStoreError.attempt("remove", path) { () throws(Errno) in try Syscall.removeTree(path) }
        }
    }

    func entries(_ directory: String) throws(ImageStoreError) -> [String] {
        try ImageStoreError.attempt("list", directory) { () throws(Errno) in try Syscall.entries(directory) }
    }
}
