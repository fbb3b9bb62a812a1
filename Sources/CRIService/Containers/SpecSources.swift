// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import EngineConfiguration
internal import Linux
internal import OCIRuntimeSpec
internal import SwiftProtobuf

/// What a container's specification depends on and the host knows: looked up in one go. Blocks the calling thread.
struct SpecSources: Sendable {
    var user: UserDatabase.Identity
    var passwd: String?
    var group: String?
    var mounts: [PreparedMount]
    var devices: [PreparedDevice]
    var deviceEdits: [CDIEdits]
    var hooks: [HookDefinition]
    var localhostSeccomp: SeccompProfile?

    /// Where to look, and by which rules.
    struct Places: Sendable {
        /// User of the image, `user[:group]`.
        var imageUser: String
        var workingDirectory: String
        /// Those of the pod's annotation.
        var devices: [ConfiguredDevice]
        var rootfs: String
        /// The engine's own data.
        var storage: String
        var runtime: DaemonConfig.Runtime
        var handler: RuntimeHandlerConfig
        /// Of the runtime.
        var features: Features?
        /// Mounted images by the place of the mount in the request.
        var images: [Int: String]
        var relabelling: MountSources.Relabelling?
        /// The volume with the pod's logs.
        var logs: String?
    }

    init(_ config: CRI.ContainerConfig, _ places: Places) throws {
        let security = config.linux.securityContext
        (user, passwd, group) = try Self.identity(security, places)
        mounts = try MountSources(
            storage: places.storage, canMakeRecursivelyReadonly: places.features?.hasRecursiveReadOnly ?? false,
            canMapOwners: places.features?.hasIDMappedMounts ?? false,
            requiredSources: Set(places.runtime.absentMountSourcesToReject), images: places.images,
            relabelling: places.relabelling, sealed: try places.logs.map(Self.realPath)
        ).prepare(config.mounts)
        let names = CDIRequest.names(config)
        deviceEdits = names.isEmpty ? [] : try CDIRegistry(folders: places.runtime.cdiSpecDirs).edits(names)
        let takesAll = security.privileged && !places.handler.privilegedWithoutHostDevices
        devices = try takesAll ? DeviceSources.all() : Self.devices(config, places)
        for node in deviceEdits.flatMap({ $0.deviceNodes ?? [] }) {
            let device = try node.device(asking: { try DeviceSources.node(at: $0) })
            devices.removeAll { $0.node.path == device.node.path }
            devices.append(device)
        }
        hooks = try HookFolders.read(places.runtime.hooksDirs)
        localhostSeccomp = try Self.localhostSeccomp(security)
    }

    private static func realPath(_ path: String) throws -> String {
        try SystemError.attempt("look at", path) { () throws(Errno) in try MountSources.realPath(path) }
    }

    /// Those of all containers, those of the annotation, and then those of the request.
    private static func devices(
        _ config: CRI.ContainerConfig, _ places: Places
    ) throws -> [PreparedDevice] {
        let runtime = places.runtime
        let configured = runtime.additionalDevices.compactMap(ConfiguredDevice.init) + places.devices
        let additional = configured.map { device in
            CRI.Device.with {
                ($0.hostPath, $0.containerPath, $0.permissions) = (device.hostPath, device.path, device.access)
            }
        }
        var devices = try DeviceSources.prepare(additional + config.devices)
        guard runtime.deviceOwnership else { return devices }
        let security = config.linux.securityContext
        for index in devices.indices {
            if security.hasRunAsUser { devices[index].node.uid = UInt32(clamping: security.runAsUser.value) }
            if security.hasRunAsGroup { devices[index].node.gid = UInt32(clamping: security.runAsGroup.value) }
        }
        return devices
    }

    private static func identity(
        _ security: CRI.ContainerSecurity, _ places: Places
    ) throws -> (UserDatabase.Identity, passwd: String?, group: String?) {
        let root = try SystemError.attempt("open", places.rootfs) { () throws(Errno) in try SafeRoot(places.rootfs) }
        func text(_ path: String) throws -> String? {
            do throws(Errno) {
                return String(decoding: try root.readFile(path), as: UTF8.self)
            } catch .ENOENT {
                return nil
            } catch {
                throw SystemError("read the image's file", path, error)
            }
        }
        let (passwd, group) = (try text("/etc/passwd"), try text("/etc/group"))
        let user = try UserDatabase(passwd: passwd ?? "", group: group ?? "").resolve(
            UserDatabase.Request(
                uid: security.hasRunAsUser ? security.runAsUser.value : nil,
                gid: security.hasRunAsGroup ? security.runAsGroup.value : nil, name: security.runAsUsername,
                supplementalGroups: security.supplementalGroups,
                mergesGroups: security.supplementalGroupsPolicy != .strict, image: places.imageUser))
        return (
            user, GeneratedAccounts.passwd(passwd, user, home: places.workingDirectory),
            GeneratedAccounts.group(group, user)
        )
    }

    private static func localhostSeccomp(_ security: CRI.ContainerSecurity) throws -> SeccompProfile? {
        guard security.hasSeccomp, security.seccomp.profileType == .localhost else { return nil }
        let file = security.seccomp.localhostRef
        guard file.hasPrefix("/") else {
            throw ServiceError(.invalid, "read seccomp profile", file, "not an absolute path")
        }
        let bytes = try SystemError.attempt("read seccomp profile", file) { () throws(Errno) in
            try Syscall.readFile(file, limit: 1 << 20)
        }
        return try SeccompProfile(parsing: bytes, file: file)
    }
}
