// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import EngineConfiguration
internal import Linux
internal import OCIRuntimeSpec

/// What a container's specification depends on and the host knows: looked up in one go. Blocks the calling thread.
struct SpecSources: Sendable {
    var user: UserDatabase.Identity
    var passwd: String?
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
        var rootfs: String
        /// The engine's own data.
        var storage: String
        var runtime: DaemonConfig.Runtime
        var handler: RuntimeHandlerConfig
        var canMakeRecursivelyReadonly: Bool
        /// Mounted images by the place of the mount in the request.
        var images: [Int: String]
    }

    init(_ config: CRI.ContainerConfig, _ places: Places) throws {
        let security = config.linux.securityContext
        (user, passwd) = try Self.identity(security, places)
        mounts = try MountSources(
            storage: places.storage, canMakeRecursivelyReadonly: places.canMakeRecursivelyReadonly,
            requiredSources: Set(places.runtime.absentMountSourcesToReject), images: places.images
        ).prepare(config.mounts)
        let names = CDIRequest.names(config)
        deviceEdits = names.isEmpty ? [] : try CDIRegistry(folders: places.runtime.cdiSpecDirs).edits(names)
        let takesAll = security.privileged && !places.handler.privilegedWithoutHostDevices
        devices = try takesAll ? DeviceSources.all() : DeviceSources.prepare(config.devices)
        for node in deviceEdits.flatMap({ $0.deviceNodes ?? [] }) {
            let device = try node.device(asking: { try DeviceSources.node(at: $0) })
            devices.removeAll { $0.node.path == device.node.path }
            devices.append(device)
        }
        hooks = try HookFolders.read(places.runtime.hooksDirs)
        localhostSeccomp = try Self.localhostSeccomp(security)
    }

    private static func identity(
        _ security: CRI.ContainerSecurity, _ places: Places
    ) throws -> (UserDatabase.Identity, String?) {
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
        let passwd = try text("/etc/passwd")
        let user = try UserDatabase(passwd: passwd ?? "", group: text("/etc/group") ?? "").resolve(
            UserDatabase.Request(
                uid: security.hasRunAsUser ? security.runAsUser.value : nil,
                gid: security.hasRunAsGroup ? security.runAsGroup.value : nil, name: security.runAsUsername,
                supplementalGroups: security.supplementalGroups,
                mergesGroups: security.supplementalGroupsPolicy != .strict, image: places.imageUser))
        return (user, GeneratedPasswd.text(passwd, user, home: places.workingDirectory))
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
