// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import Linux

/// Looks up the sources of a container's mounts on the host. Blocks the calling thread.
enum MountSources {
    /// `storage` is the folder of the engine's own data: a mount that holds it must not keep its mounts busy.
    static func prepare(_ mounts: [CRI.Mount], storage: String) throws -> [PreparedMount] {
        guard !mounts.isEmpty else { return [] }
        let table = try MountInfo.read()
        return try mounts.map { try prepare($0, storage: storage, table) }
    }

    private static func prepare(_ mount: CRI.Mount, storage: String, _ table: [MountInfo]) throws -> PreparedMount {
        try check(mount)
        let source = try resolve(mount.hostPath)
        var propagation = mount.propagation
        if propagation == .propagationPrivate
            && (storage == source || storage.hasPrefix(source == "/" ? "/" : source + "/"))
        {
            propagation = .propagationHostToContainer
        } else {
            try check(propagation, of: source, table)
        }
        return PreparedMount(
            destination: mount.containerPath, source: source, readonly: mount.readonly,
            recursivelyReadonly: mount.recursiveReadOnly, propagation: propagation)
    }

    private static func check(_ mount: CRI.Mount) throws(ServiceError) {
        func refuse(_ code: ServiceError.Code, _ cause: String, prefix: String? = nil) -> ServiceError {
            ServiceError(code, "mount at", mount.containerPath, cause, prefix: prefix)
        }
        if mount.hasImage, !mount.image.image.isEmpty {
            throw refuse(.unimplemented, "image volumes are not supported", prefix: "ImageVolumeMountFailed")
        }
        guard mount.uidMappings.isEmpty, mount.gidMappings.isEmpty else {
            throw refuse(.unimplemented, "id-mapped mounts are not supported")
        }
        guard mount.mountOptions.isEmpty else { throw refuse(.unimplemented, "mount options are not supported") }
        guard mount.hostPath.hasPrefix("/") else {
            throw refuse(.invalid, "\"\(mount.hostPath)\" is not an absolute path")
        }
        guard mount.recursiveReadOnly else { return }
        guard mount.readonly, mount.propagation == .propagationPrivate else {
            throw refuse(
                .invalid, "recursively read-only needs read-only and private propagation", prefix: "RROUnsupported")
        }
    }

    /// The path without links; a directory is made where nothing is.
    private static func resolve(_ path: String) throws -> String {
        try SystemError.attempt("use host path", path) { () throws(Errno) in
            do throws(Errno) {
                return try realPath(path)
            } catch .ENOENT {
                try Syscall.makeDirectories(path, mode: 0o755)
                return try realPath(path)
            }
        }
    }

    /// The path of the file without links, realpath(3).
    static func realPath(_ path: String) throws(Errno) -> String {
        let file = try Syscall.open(path, .path)
        let real = try Syscall.readLink(file.procPath)
        // Until here the link must not go.
        try file.close()
        return real
    }

    /// What the container mounts can reach the host, or the other way round, only through a mount that propagates.
    private static func check(
        _ propagation: Runtime_V1_MountPropagation, of source: String, _ table: [MountInfo]
    ) throws(ServiceError) {
        guard propagation != .propagationPrivate else { return }
        let holder = table.filter {
            source == $0.mountPoint || $0.mountPoint == "/" || source.hasPrefix($0.mountPoint + "/")
        }
        .max { $0.mountPoint.utf8.count <= $1.mountPoint.utf8.count }
        let tags = holder?.propagation ?? []
        let isShared = tags.contains { $0.hasPrefix("shared:") }
        let isSlave = tags.contains { $0.hasPrefix("master:") }
        guard isShared || (isSlave && propagation == .propagationHostToContainer) else {
            throw ServiceError(
                .invalid, "propagate mounts of", source,
                "it is on the mount \"\(holder?.mountPoint ?? "/")\", which does not propagate")
        }
    }
}
