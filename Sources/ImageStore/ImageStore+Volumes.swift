// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import GRDB
internal import Linux
package import OCIImageSpec

/// A read-only mount of an image, or of a part of it.
package struct ImageMount: Hashable, Sendable, Encodable {
    package var id: String
    package var image: Digest
    /// The part, as it was asked for; empty for all.
    package var subPath: String
    /// Where it is to be found.
    package var path: String

    /// A mount of the given parts.
    package init(id: String, image: Digest, subPath: String, path: String) {
        self.id = id
        self.image = image
        self.subPath = subPath
        self.path = path
    }
}

extension ImageStore {
    /// Mounts an image, or a directory or file in it, read-only. Links in the sub-path are followed within the image and
    /// nowhere else. Returns the path of the mount below `<run>/volumes/<id>`.
    ///
    /// Recorded before anything is made; until `unmountImage` the image cannot be removed. May be repeated, also after a
    /// reboot. Throws `.notFound` when the image has no such path.
    package func mountImage(_ image: Digest, subPath: String = "", as id: String) throws -> String {
        guard !id.isEmpty, !id.contains("/"), id != ".", id != ".." else {
            throw ImageStoreError(.invalid, "mount image as", id, "not a valid name")
        }
        try record(ImageMount(id: id, image: image, subPath: subPath, path: ""), staging: nil)
        do {
            return try mount(image, subPath, paths.volume(id))
        } catch {
            // The first failure is the one to tell; what stays is undone by the caller or after the next start.
            try? unmountImage(id)
            throw error
        }
    }

    private func mount(_ image: Digest, _ subPath: String, _ directory: String) throws -> String {
        let (whole, part) = ("\(directory)/image", "\(directory)/part")
        if try !isMounted(whole) {
            try prepareDirectory("\(directory)/empty", mode: 0o700)
            try prepareDirectory(whole, mode: 0o755)
            try OverlayMount.readOnly(try lowerDirectories(of: image), emptyDirectories: "\(directory)/empty")
                .mount(at: whole)
        }
        guard subPath.contains(where: { $0 != "/" && $0 != "." }) else { return whole }
        if try isMounted(part) { return part }
        do throws(Errno) {
            let found = try SafeRoot(whole).open(subPath, .path)
            if try found.status().isDirectory {
                do throws(Errno) { try Syscall.makeDirectory(part, mode: 0o755) } catch .EEXIST {}
            } else {
                _ = try Syscall.open(part, [.writeOnly, .create], mode: 0o600)
            }
            let tree = try Syscall.openTree("", at: found.rawValue, clone: true)
            try Syscall.moveMount(tree.rawValue, to: part)
        } catch {
            let code: ImageStoreError.Code = error == .ENOENT || error == .ENOTDIR || error == .ELOOP ? .notFound : .io
            throw ImageStoreError(code, "mount of image \(image) the path", subPath, error.description)
        }
        return part
    }

    /// Unmounts and forgets; nothing there is right.
    package func unmountImage(_ id: String) throws {
        let directory = paths.volume(id)
        try ImageStoreError.attempt("unmount", directory) { () throws(Errno) in
            for name in ["part", "image"] { try Syscall.unmountAll("\(directory)/\(name)") }
            try Syscall.removeTree(directory)
        }
        try write("forget mount", id) { database in
            try database.execute(sql: "DELETE FROM image_mounts WHERE id = ?", arguments: [id])
        }
    }

    /// The mounts on record, mounted or not.
    package func imageMounts() throws -> [ImageMount] {
        let rows = try read("list mounts below", paths.run) { database in
            try Row.fetchAll(
                database, sql: "SELECT id, image, sub_path FROM image_mounts WHERE staging IS NULL ORDER BY id")
        }
        return try rows.map { row in
            let (id, subPath) = (row["id"] as String, row["sub_path"] as String)
            return ImageMount(
                id: id, image: try Digest(parsing: row["image"]), subPath: subPath,
                path: paths.volume(id) + (subPath.isEmpty ? "/image" : "/part"))
        }
    }

    private func record(_ mount: ImageMount, staging: String?) throws {
        func fault(_ code: ImageStoreError.Code, _ reason: String) -> ImageStoreError {
            ImageStoreError(code, "mount image as", mount.id, reason)
        }
        try write("record mount", mount.id) { database in
            guard try ImageRow.one(mount.image.description, database) != nil else {
                throw fault(.notFound, "no image \(mount.image)")
            }
            let sql = "SELECT image, sub_path FROM image_mounts WHERE id = ?"
            if let row = try Row.fetchOne(database, sql: sql, arguments: [mount.id]) {
                guard row["image"] == mount.image.description, row["sub_path"] == mount.subPath else {
                    throw fault(.inUse, "another image or path is mounted under this name")
                }
                return
            }
            try database.execute(
                sql: "INSERT INTO image_mounts (id, image, sub_path, staging) VALUES (?, ?, ?, ?)",
                arguments: [mount.id, mount.image.description, mount.subPath, staging])
        }
    }

    /// Calls the body with a descriptor of the image's whole tree, which is mounted read-only and nowhere to be seen. The
    /// image cannot be removed meanwhile; if this process dies, the next that opens the store lets it go.
    func withTree<Value>(
        of image: Digest, lowest count: Int = .max, _ body: (Int32) throws -> Value
    ) throws -> Value {
        let staging = try StagingDirectory(paths)
        do {
            try record(
                ImageMount(id: staging.name, image: image, subPath: "", path: ""), staging: staging.name)
            let mount = try OverlayMount.readOnly(
                try lowerDirectories(of: image, lowest: count), emptyDirectories: "\(staging.path)/empty"
            ).create(for: image.description)
            let value = try body(mount.rawValue)
            _ = consume mount
            try letGo(staging)
            return value
        } catch {
            // The first failure is the one to tell.
            try? letGo(staging)
            throw error
        }
    }

    private func letGo(_ staging: StagingDirectory) throws {
        try write("forget mount", staging.name) { database in
            try database.execute(sql: "DELETE FROM image_mounts WHERE id = ?", arguments: [staging.name])
        }
        try staging.remove()
    }
}
