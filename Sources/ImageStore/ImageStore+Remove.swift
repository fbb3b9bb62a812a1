// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux
internal import GRDB
internal import Linux
package import OCIImageSpec
internal import Synchronization

extension ImageStore {
    /// Removes the image with all its names, and the layers that no other image has. Throws `.notFound`, and `.inUse`
    /// when a container has its root file system from it.
    package func remove(_ id: Digest) throws {
        let trash: [String]
        do {
            // No pull may find a layer between the end of its row and its move to the trash.
            let lock = try StoreLock(paths.lock, exclusive: true)
            defer { _ = lock }
            let (layers, manifest) = try write("remove image", id.description) { try Self.unrecord(id, $0) }
            trash = try layers.map { try discard(paths.layer($0)) }
            for digest in [id, manifest] {
                try ImageStoreError.attempt("remove", paths.content(digest)) { () throws(Errno) in
                    try Syscall.removeTree(paths.content(digest))
                }
            }
            _ = configs.withLock { $0.removeValue(forKey: id) }
        }
        try removeTrash(trash)
    }

    private static func unrecord(_ id: Digest, _ database: Database) throws -> (layers: [Digest], manifest: Digest) {
        let arguments: StatementArguments = [id.description]
        let sql = "SELECT manifest FROM images WHERE id = ?"
        guard let manifest = try String.fetchOne(database, sql: sql, arguments: arguments) else {
            throw ImageStoreError(.notFound, "remove image", id.description, "no such image")
        }
        let users = try String.fetchAll(
            database, sql: "SELECT container FROM rootfs WHERE image = ? ORDER BY container", arguments: arguments)
        guard users.isEmpty else {
            let shown = users.prefix(3).joined(separator: ", ") + (users.count > 3 ? ", ..." : "")
            throw ImageStoreError(.inUse, "remove image", id.description, "used by the container \(shown)")
        }
        try database.execute(sql: "DELETE FROM images WHERE id = ?", arguments: arguments)
        let unused = "FROM layers WHERE diff_id NOT IN (SELECT layer FROM image_layers)"
        let layers = try String.fetchAll(database, sql: "SELECT diff_id \(unused)")
        try database.execute(sql: "DELETE \(unused)")
        return (try layers.map { try Digest(parsing: $0) }, try Digest(parsing: manifest))
    }

    /// Moves what must not be found any more out of the way, and returns where it is now.
    private func discard(_ path: String) throws(ImageStoreError) -> String {
        let target = "\(paths.trash)/\(randomName())"
        try ImageStoreError.attempt("remove", path) { () throws(Errno) in
            do throws(Errno) { try Syscall.rename(path, target) } catch .ENOENT {}
        }
        return target
    }

    private func removeTrash(_ trash: [String]) throws(ImageStoreError) {
        for path in trash {
            try ImageStoreError.attempt("remove", path) { () throws(Errno) in try Syscall.removeTree(path) }
        }
    }

    /// Removes what processes that died have left: staging directories without owner, layers and documents without a
    /// row, and the trash. Does nothing while other processes bring layers in: the next one that opens the store will.
    func collectGarbage() throws {
        if let lock = try StoreLock.ifFree(paths.lock) {
            defer { _ = lock }
            for name in try entries(paths.staging) where StagingDirectory.isAbandoned("\(paths.staging)/\(name)") {
                _ = try discard("\(paths.staging)/\(name)")
            }
            let known = try read("check layers", paths.root) { database in
                Set(
                    try String.fetchAll(
                        database,
                        sql: "SELECT diff_id FROM layers UNION SELECT id FROM images UNION SELECT manifest FROM images")
                )
            }
            for algorithm in Digest.Algorithm.allCases.map(\.rawValue) {
                for directory in [paths.layers, paths.content].map({ "\($0)/\(algorithm)" }) {
                    for name in try entries(directory) where !known.contains("\(algorithm):\(name)") {
                        _ = try discard("\(directory)/\(name)")
                    }
                }
            }
        }
        try removeTrash(try entries(paths.trash).map { "\(paths.trash)/\($0)" })
    }

    private func entries(_ directory: String) throws(ImageStoreError) -> [String] {
        try ImageStoreError.attempt("list", directory) { () throws(Errno) in try Syscall.entries(directory) }
    }
}
