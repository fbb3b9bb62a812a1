// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import Linux
internal import OCIRuntimeSpec

/// Looks up the sources of a container's mounts on the host. Blocks the calling thread.
struct MountSources {
    /// The folder of the engine's own data: a mount that holds it must not keep its mounts busy.
    var storage: String
    /// Whether the runtime knows the option.
    var canMakeRecursivelyReadonly = true
    /// Whether the runtime can show other owners of files.
    var canMapOwners = true
    /// Paths that must be there; others are made as directories.
    var requiredSources: Set<String> = []
    /// Roots of mounted images by the place of the mount in the request.
    var images: [Int: String] = [:]
    /// nil where the labels of volumes stay as they are.
    var relabelling: Relabelling?
    /// A folder that no container may write to: what the engine has mounted there read-only a runtime would mount as it is told.
    var sealed: String?

    /// How volumes get the container's label.
    struct Relabelling: Sendable {
        var label: String
        /// Whether a volume whose root has the label is taken for one that has it everywhere.
        var passesOverLabelled: Bool
    }

    func prepare(_ mounts: [CRI.Mount]) throws -> [PreparedMount] {
        guard !mounts.isEmpty else { return [] }
        let table = try MountInfo.read()
        return try mounts.enumerated().map { index, mount in
            if mount.hasImage, !mount.image.image.isEmpty { return try prepareImage(mount, root: images[index]) }
            return try prepare(mount, table)
        }
    }

    private func prepare(_ mount: CRI.Mount, _ table: [MountInfo]) throws -> PreparedMount {
        try check(mount)
        let (file, source) = try resolve(mount.hostPath)
        if mount.selinuxRelabel, let relabelling {
            try SELinuxTree.relabel(
                file.descriptor, at: source, relabelling.label, unlessLabelled: relabelling.passesOverLabelled)
        }
        var propagation = mount.propagation
        if propagation == .propagationPrivate
            && (storage == source || storage.hasPrefix(source == "/" ? "/" : source + "/"))
        {
            propagation = .propagationHostToContainer
        } else {
            try check(propagation, of: source, table)
        }
        var prepared = PreparedMount(
            destination: mount.containerPath, source: source,
            readonly: mount.readonly || sealed.map { PathText.isAt(source, orBelow: $0) } ?? false,
            recursivelyReadonly: mount.recursiveReadOnly, propagation: propagation)
        prepared.users = try Self.mappings(mount.uidMappings, of: "user")
        prepared.groups = try Self.mappings(mount.gidMappings, of: "group")
        return prepared
    }

    private static func mappings(
        _ mappings: [Runtime_V1_IDMapping], of kind: String
    ) throws(ServiceError) -> [LinuxIDMapping] {
        try mappings.map { mapping throws(ServiceError) in try LinuxIDMapping(checking: mapping, of: kind) }
    }

    /// A mounted image, or what is below a path in it. Programs in it cannot be executed.
    private func prepareImage(_ mount: CRI.Mount, root: String?) throws -> PreparedMount {
        func refuse(_ cause: String) -> ServiceError {
            ServiceError(.invalid, "mount image at", mount.containerPath, cause, prefix: "ImageVolumeMountFailed")
        }
        guard mount.hostPath.isEmpty else { throw refuse("it has a host path too") }
        guard mount.readonly else { throw refuse("an image can be mounted read-only only") }
        guard mount.propagation == .propagationPrivate else { throw refuse("an image does not propagate mounts") }
        let path = mount.imageSubPath
        guard !PathText.isAbsolute(path), !PathText.climbs(path) else {
            throw refuse("\"\(path)\" is not a path inside the image")
        }
        guard let root else { throw refuse("the image is not mounted") }
        var prepared = PreparedMount(destination: mount.containerPath, source: root, readonly: true)
        prepared.options = ["noexec", "nosuid", "nodev"]
        guard !path.isEmpty else { return prepared }
        do throws(Errno) {
            let inside = try SafeRoot(root).open(path, .path)
            prepared.source = try Syscall.readLink(inside.procPath)
            // Until here the link must not go.
            try inside.close()
        } catch {
            throw refuse("\"\(path)\" in the image: \(error)")
        }
        return prepared
    }

    private func check(_ mount: CRI.Mount) throws(ServiceError) {
        func refuse(_ code: ServiceError.Code, _ cause: String, prefix: String? = nil) -> ServiceError {
            ServiceError(code, "mount at", mount.containerPath, cause, prefix: prefix)
        }
        guard mount.uidMappings.isEmpty == mount.gidMappings.isEmpty else {
            throw refuse(.invalid, "mappings of users and of groups go together")
        }
        // A runtime that does not know them would pass over them in silence.
        guard mount.uidMappings.isEmpty || canMapOwners else {
            throw refuse(.state, "the runtime does not tell that it can map the owners of mounts")
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
        guard canMakeRecursivelyReadonly else {
            throw refuse(.invalid, "the runtime cannot mount recursively read-only", prefix: "RROUnsupported")
        }
    }

    /// The file, opened with O_PATH, and its path without links; a directory is made where nothing is, unless something must
    /// be there.
    private func resolve(_ path: String) throws -> (SharedFD, String) {
        try SystemError.attempt("use host path", path) { () throws(Errno) in
            do throws(Errno) {
                return try Self.open(path)
            } catch .ENOENT {
                guard !requiredSources.contains(path) else { throw .ENOENT }
                try Syscall.makeDirectories(path, mode: 0o755)
                return try Self.open(path)
            }
        }
    }

    /// The path of the file without links, realpath(3).
    static func realPath(_ path: String) throws(Errno) -> String { try open(path).1 }

    private static func open(_ path: String) throws(Errno) -> (SharedFD, String) {
        let file = SharedFD(try Syscall.open(path, .path))
        return (file, try Syscall.readLink(file.descriptor.procPath))
    }

    /// What the container mounts can reach the host, or the other way round, only through a mount that propagates.
    private func check(
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
