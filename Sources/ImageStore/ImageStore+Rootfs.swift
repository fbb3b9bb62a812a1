// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import GRDB
internal import Linux
package import OCIImageSpec

extension ImageStore {
    /// Mounts the root file system of a container: the image's layers, and above them a layer of its own unless
    /// `readonly`. Returns the path of the mount, `<run>/containers/<id>/rootfs`.
    ///
    /// Recorded before anything is made, so that `removeRootfs` can always undo it; until then the image cannot be
    /// removed. Repeating it, also after a reboot, mounts what is not mounted and keeps what the container wrote.
    package func mountRootfs(container id: String, image: Digest, readonly: Bool) throws -> String {
        guard !id.isEmpty, !id.contains("/"), id != ".", id != ".." else {
            throw ImageStoreError(.invalid, "mount rootfs of container", id, "not a valid container id")
        }
        let layers = try write("record rootfs of container", id) { database in
            try Self.recordRootfs(id, image, readonly, database)
        }
        let target = paths.rootfs(id)
        if try isMounted(target) { return target }
        // overlayfs refuses a directory twice. A layer that comes again higher up hides its lower occurrence entirely.
        var seen: Set<String> = []
        let lower = try layers.filter { seen.insert($0).inserted }
            .map { try format.lowerDirectory(paths.layer(Digest(parsing: $0))) }
        try prepareDirectory(target, mode: 0o755)
        if readonly {
            let empty = "\(paths.container(id))/empty"
            try prepareDirectory(empty, mode: 0o700)
            try OverlayMount.readOnly(lower, emptyDirectories: empty).mount(at: target)
        } else {
            let mount = OverlayMount(lower: lower, writable: try prepareUpper(id, above: lower.first))
            try mount.mount(at: target)
        }
        return target
    }

    /// Unmounts the root file system; one that is not mounted is right. What the container wrote stays.
    package func unmountRootfs(container id: String) throws {
        let target = paths.rootfs(id)
        try ImageStoreError.attempt("unmount", target) { () throws(Errno) in
            try Syscall.unmountAll(target)
            do throws(Errno) { try Syscall.removeDirectory(target) } catch .ENOENT {}
        }
    }

    /// Unmounts the root file system, and removes what the container wrote and the record. May be repeated; nothing
    /// there is right.
    package func removeRootfs(container id: String) throws {
        try unmountRootfs(container: id)
        let container = paths.container(id)
        for path in ["\(container)/upper", "\(container)/work", "\(container)/empty"] {
            try ImageStoreError.attempt("remove", path) { () throws(Errno) in try Syscall.removeTree(path) }
        }
        try ImageStoreError.attempt("remove", container) { () throws(Errno) in
            // Others keep their own things of the container here.
            do throws(Errno) { try Syscall.removeDirectory(container) } catch .ENOENT {} catch .ENOTEMPTY {}
        }
        try write("forget rootfs of container", id) { database in
            try database.execute(sql: "DELETE FROM rootfs WHERE container = ?", arguments: [id])
        }
    }

    /// Containers whose root file systems are recorded, mounted or not.
    package func rootfsContainers() throws -> [String] {
        try read("list rootfs", paths.root) {
            try String.fetchAll($0, sql: "SELECT container FROM rootfs ORDER BY container")
        }
    }

    /// The image's layers, topmost first.
    private static func recordRootfs(
        _ id: String, _ image: Digest, _ readonly: Bool, _ database: Database
    ) throws -> [String] {
        func fault(_ code: ImageStoreError.Code, _ reason: String) -> ImageStoreError {
            ImageStoreError(code, "mount rootfs of container", id, reason)
        }
        guard
            try String.fetchOne(
                database, sql: "SELECT id FROM images WHERE id = ?", arguments: [image.description]) != nil
        else { throw fault(.notFound, "no image \(image)") }
        let sql = "SELECT image, is_read_only FROM rootfs WHERE container = ?"
        if let row = try Row.fetchOne(database, sql: sql, arguments: [id]) {
            guard row["image"] == image.description, row["is_read_only"] == readonly else {
                throw fault(.inUse, "it has a rootfs of another image or kind")
            }
        } else {
            try database.execute(
                sql: "INSERT INTO rootfs (container, image, is_read_only) VALUES (?, ?, ?)",
                arguments: [id, image.description, readonly])
        }
        return try String.fetchAll(
            database, sql: "SELECT layer FROM image_layers WHERE image = ? ORDER BY position DESC",
            arguments: [image.description])
    }

    private func isMounted(_ path: String) throws(ImageStoreError) -> Bool {
        let mounts = try ImageStoreError.attempt("read", "/proc/self/mountinfo") { () throws(Errno) in
            try MountInfo.read()
        }
        return mounts.contains { $0.mountPoint == path }
    }

    private func prepareDirectory(_ path: String, mode: UInt32) throws(ImageStoreError) {
        try ImageStoreError.attempt("create directory", path) { () throws(Errno) in
            try Syscall.makeDirectories(path, mode: mode)
        }
    }

    /// The directories for what the container writes. The root of the overlay has the attributes of the upper one.
    private func prepareUpper(_ id: String, above top: String?) throws -> (upper: String, work: String) {
        let container = paths.container(id)
        let (upper, work) = ("\(container)/upper", "\(container)/work")
        try prepareDirectory(container, mode: 0o700)
        try prepareDirectory(work, mode: 0o700)
        try ImageStoreError.attempt("create directory", upper) { () throws(Errno) in
            guard !Syscall.exists(upper) else { return }
            try Syscall.makeDirectory(upper, mode: 0o755)
            guard let top else { return }
            let status = try Syscall.status(top)
            try Syscall.changeOwner(upper, uid: status.uid, gid: status.gid)
            try Syscall.changeMode(upper, status.permissions)
        }
        return (upper, work)
    }
}
