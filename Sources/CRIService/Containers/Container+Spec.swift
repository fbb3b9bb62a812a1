// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import EngineConfiguration
internal import ImageStore
internal import Linux
internal import MonitorProtocol
internal import OCIImageSpec
internal import OCIRuntimeSpec

extension Container {
    /// Looks up all that the specification depends on.
    func specInput(_ image: Image, rootfs: String) async throws -> SpecBuilder.Input {
        let execution = image.config.config ?? ImageConfig.Execution()
        let surroundings = try await surroundings()
        let (config, host, root) = (config, engine.host, engine.config.root)
        var defaults = SpecBuilder.Defaults(
            capabilities: engine.config.runtime.defaultCapabilities, pidsLimit: engine.config.runtime.pidsLimit,
            seccomp: engine.seccomp)
        let looked = try await BlockingPool.run {
            (
                user: try Self.resolveUser(config, image: execution.user ?? "", rootfs: rootfs),
                mounts: try MountSources.prepare(config.mounts, storage: root),
                devices: config.linux.securityContext.privileged
                    ? try DeviceSources.all() : try DeviceSources.prepare(config.devices),
                seccomp: try Self.localhostSeccomp(config)
            )
        }
        defaults.localhostSeccomp = looked.seccomp
        return SpecBuilder.Input(
            pod: pod.config, container: config, image: execution, podID: pod.id, containerID: id, rootfs: rootfs,
            user: looked.user, surroundings: surroundings, mounts: looked.mounts, devices: looked.devices, host: host,
            defaults: defaults)
    }

    private func surroundings() async throws -> SpecBuilder.Surroundings {
        let plan = pod.plan
        let kinds: [(LinuxNamespaceType, String)] = [(.network, "net"), (.uts, "uts"), (.ipc, "ipc"), (.pid, "pid")]
        var namespaces: [LinuxNamespaceType: String] = [:]
        for (type, kind) in kinds where plan.namespaces.contains(kind) {
            namespaces[type] = paths.namespace(pod.id, kind)
        }
        let options = config.linux.securityContext.namespaceOptions
        return SpecBuilder.Surroundings(
            namespaces: namespaces,
            targetPIDNamespace: options.pid == .target ? try await target(options.targetID) : nil,
            cgroup: record.cgroup,
            hostname: plan.usesHostNetwork ? try PodFiles.hostName() : pod.config.hostname,
            hostnameFile: paths.hostname(pod.id), hostsFile: paths.hosts(pod.id), resolvFile: paths.resolv(pod.id),
            shm: plan.usesHostIPC ? "/dev/shm" : paths.shm(pod.id))
    }

    /// The PID namespace of another container of the pod; nil when it is not running.
    private func target(_ id: String) async throws -> String? {
        let found = try engine.table.container(id)
        guard found.pod === pod, let process = await found.state.process else { return nil }
        return "/proc/\(process.pid)/ns/pid"
    }

    private static func resolveUser(
        _ config: CRI.ContainerConfig, image: String, rootfs: String
    ) throws -> UserDatabase.Identity {
        let root = try SystemError.attempt("open", rootfs) { () throws(Errno) in try SafeRoot(rootfs) }
        func text(_ path: String) throws -> String {
            do throws(Errno) {
                return String(decoding: try root.readFile(path), as: UTF8.self)
            } catch .ENOENT {
                return ""
            } catch {
                throw SystemError("read the image's file", path, error)
            }
        }
        let security = config.linux.securityContext
        return try UserDatabase(passwd: text("/etc/passwd"), group: text("/etc/group")).resolve(
            UserDatabase.Request(
                uid: security.hasRunAsUser ? security.runAsUser.value : nil,
                gid: security.hasRunAsGroup ? security.runAsGroup.value : nil, name: security.runAsUsername,
                supplementalGroups: security.supplementalGroups,
                mergesGroups: security.supplementalGroupsPolicy != .strict, image: image))
    }

    private static func localhostSeccomp(_ config: CRI.ContainerConfig) throws -> SeccompProfile? {
        let security = config.linux.securityContext
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
