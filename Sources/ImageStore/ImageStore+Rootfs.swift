// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import GRDB
internal import Linux
package import OCIImageSpec

/// What kind of root file system a container gets.
package struct RootfsOptions: Hashable, Sendable {
    /// Without a layer of the container's own.
    package var isReadOnly: Bool
    /// The file of the container's user namespace, /proc/PID/ns/user or a bind mount of it; nil for the machine's own.
    package var userNamespace: String?
    /// SELinux' label of all files in it; nil for those that they have.
    package var label: String?

    /// A root file system of the given kind.
    package init(isReadOnly: Bool = false, userNamespace: String? = nil, label: String? = nil) {
        self.isReadOnly = isReadOnly
        self.userNamespace = userNamespace
        self.label = label
    }
}

extension ImageStore {
    /// Mounts the root file system of a container: the image's layers, and above them a layer of its own unless it is
    /// read-only. Returns the path of the mount, `<run>/containers/<id>/rootfs`.
    ///
    /// Recorded before anything is made, so that `removeRootfs` can always undo it; until then the image cannot be
    /// removed. Repeating it, also after a reboot, mounts what is not mounted and keeps what the container wrote, unless
    /// the store is volatile and the machine was started anew: then it begins empty.
    package func mountRootfs(container id: String, image: Digest, options: RootfsOptions) throws -> String {
        guard !id.isEmpty, !id.contains("/"), id != ".", id != ".." else {
            throw ImageStoreError(.invalid, "mount rootfs of container", id, "not a valid container id")
        }
        let boot = try currentBoot()
        let row = try write("record rootfs of container", id) { database in
            try RootfsRow.record(
                id, image, options.isReadOnly, self.settings.isVolatile ? boot : nil,
                isLimited: self.settings.writableLimit > 0, database)
        }
        let target = paths.rootfs(id)
        if try isMounted(target) { return target }
        if row.boot != nil { try renewVolatile(id, row, boot) }
        let lower = try lowerOrEmpty(id, image)
        try prepareDirectory(target, mode: 0o755)
        guard let namespace = options.userNamespace else {
            try mountOverlay(of: id, lower, options, row, at: target)
            return target
        }
        try MappedLayers(in: mappedDirectory(id)).with(lower.roots, userNamespace: namespace) { mapped in
            try mountOverlay(of: id, lower.map(mapped), options, row, at: target)
        }
        return target
    }

    /// The same without a user namespace.
    package func mountRootfs(container id: String, image: Digest, readonly: Bool) throws -> String {
        try mountRootfs(container: id, image: image, options: RootfsOptions(isReadOnly: readonly))
    }

    private func mountOverlay(
        of id: String, _ layers: ImageLayers, _ options: RootfsOptions, _ row: RootfsRow, at target: String
    ) throws {
        if options.isReadOnly {
            let empty = "\(paths.container(id))/empty"
            try prepareDirectory(empty, mode: 0o700)
            var overlay = try OverlayMount.readOnly(layers, emptyDirectories: empty)
            overlay.label = options.label
            try overlay.mount(at: target)
        } else {
            let writable = try prepareUpper(id, like: layers.root, row.project)
            var overlay = OverlayMount(lower: layers.roots, writable: writable, isVolatile: row.boot != nil)
            overlay.label = options.label
            guard let project = row.project else { return try overlay.mount(at: target) }
            try limit(project)
            try ProjectQuota.obeying { () throws(ImageStoreError) in try overlay.mount(at: target) }
        }
    }

    /// overlayfs wants at least one lower directory; an image may have no layer.
    private func lowerOrEmpty(_ id: String, _ image: Digest) throws -> ImageLayers {
        let lower = try lowerDirectories(of: image)
        guard lower.roots.isEmpty else { return lower }
        let empty = "\(paths.container(id))/empty/layer"
        try prepareDirectory(empty, mode: 0o755)
        return ImageLayers([try LayerRoot(directory: empty)])
    }

    /// The roots of an image's layers; only of so many of the lowest when a count is given.
    func lowerDirectories(of image: Digest, lowest count: Int = .max) throws -> ImageLayers {
        let rows = try read("find layers of image", image.description) { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT id, brings_root, format, damage FROM image_layers JOIN layers ON id = layer
                    WHERE image = ? AND position < ? ORDER BY position DESC
                    """, arguments: [image.description, count])
        }
        // overlayfs refuses a directory twice. A layer that comes again higher up hides its lower occurrence entirely.
        var seen: Set<String> = []
        let shown = rows.filter { seen.insert($0["id"]).inserted }
        let roots = try shown.map { row in
            let digest = try Digest(parsing: row["id"])
            if let damage: String = row["damage"] {
                throw ImageStoreError(.corruptLayer, "use layer", digest.description, "it is damaged: \(damage)")
            }
            let format = try LayerFormats.named(row["format"])
            return try format.root(of: paths.layer(digest, format: format.name))
        }
        return ImageLayers(roots, rootPosition: shown.firstIndex { $0["brings_root"] } ?? max(0, roots.count - 1))
    }

    /// Unmounts the root file system; one that is not mounted is right. What the container wrote stays.
    package func unmountRootfs(container id: String) throws {
        let target = paths.rootfs(id)
        try ImageStoreError.attempt("unmount", target) { () throws(Errno) in
            try Syscall.unmountAll(target)
            do throws(Errno) { try Syscall.removeDirectory(target) } catch .ENOENT {}
        }
        try MappedLayers(in: mappedDirectory(id)).undo()
    }

    /// Unmounts the root file system, and removes what the container wrote and the record. May be repeated; nothing
    /// there is right.
    package func removeRootfs(container id: String) throws {
        try unmountRootfs(container: id)
        let container = paths.container(id)
        try removeUpper(id)
        try forgetLimit(of: id)
        try ImageStoreError.attempt("remove", container) { () throws(Errno) in
            // Others keep their own things of the container here.
            do throws(Errno) { try Syscall.removeDirectory(container) } catch .ENOENT {} catch .ENOTEMPTY {}
        }
        try note("forget rootfs of container", id) { database in
            try database.execute(sql: "DELETE FROM rootfs WHERE container = ?", arguments: [id])
        }
    }

    /// Containers whose root file systems are recorded, mounted or not.
    package func rootfsContainers() throws -> [String] {
        try read("list rootfs", paths.root) {
            try String.fetchAll($0, sql: "SELECT container FROM rootfs ORDER BY container")
        }
    }

    /// overlayfs marks the work directory of a volatile overlay and refuses to mount it again, because what was written may
    /// have been lost. It was not if the machine has run ever since. See the kernel's overlayfs.rst, "Volatile mount".
    private func renewVolatile(_ id: String, _ row: RootfsRow, _ boot: String) throws {
        if row.boot == boot {
            let mark = "\(paths.container(id))/work/work/incompat"
            try ImageStoreError.attempt("remove", mark) { () throws(Errno) in try Syscall.removeTree(mark) }
        } else {
            try removeUpper(id)
            try write("record rootfs of container", id) { database in
                try database.execute(sql: "UPDATE rootfs SET boot = ? WHERE container = ?", arguments: [boot, id])
            }
        }
    }

    private func removeUpper(_ id: String) throws(ImageStoreError) {
        for name in ["upper", "work", "empty"] {
            let path = "\(paths.container(id))/\(name)"
            try ImageStoreError.attempt("remove", path) { () throws(Errno) in try Syscall.removeTree(path) }
        }
    }

    private func currentBoot() throws(ImageStoreError) -> String {
        try ImageStoreError.attempt("read", "/proc/sys/kernel/random/boot_id") { () throws(Errno) in
            String(try Syscall.readText("/proc/sys/kernel/random/boot_id").prefix { $0 != "\n" })
        }
    }

    private func mappedDirectory(_ id: String) -> String { "\(paths.run)/containers/\(id)/layers" }

    func isMounted(_ path: String) throws(ImageStoreError) -> Bool {
        try ImageStoreError.attempt("look at", path) { () throws(Errno) in try Syscall.isMountPoint(path) }
    }

    func prepareDirectory(_ path: String, mode: UInt32) throws(ImageStoreError) {
        try ImageStoreError.attempt("create directory", path) { () throws(Errno) in
            try Syscall.makeDirectories(path, mode: mode)
        }
    }

    /// The directories for what the container writes. The root of the overlay has the attributes of the upper one; below a
    /// user namespace the layer shows its owner shifted already.
    private func prepareUpper(
        _ id: String, like root: LayerRoot?, _ project: UInt32?
    ) throws -> (upper: String, work: String) {
        let container = paths.container(id)
        let (upper, work) = ("\(container)/upper", "\(container)/work")
        try prepareDirectory(container, mode: 0o700)
        try prepareDirectory(work, mode: 0o700)
        try ImageStoreError.attempt("create directory", upper) { () throws(Errno) in
            guard !Syscall.exists(upper) else { return }
            // Under another name until it is complete.
            let fresh = "\(container)/upper.new"
            try Syscall.removeTree(fresh)
            if let root { try root.makeRoot(fresh) } else { try Syscall.makeDirectory(fresh, mode: 0o755) }
            // Both: overlayfs moves files from one to the other, which it cannot between projects.
            if let project { for path in [fresh, work] { try ProjectQuota.assign(path, to: project) } }
            try Syscall.rename(fresh, upper)
        }
        return (upper, work)
    }
}
