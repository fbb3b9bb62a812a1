// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import OCIRuntimeSpec

extension SpecBuilder {
    /// Joins the pod's namespaces, makes new ones, or leaves the host's.
    mutating func setNamespaces() throws(ServiceError) {
        var namespaces = [LinuxNamespace(type: .mount)]
        for type in [LinuxNamespaceType.user, .network, .ipc, .uts] {
            if let path = input.surroundings.namespaces[type] { namespaces.append(.init(type: type, path: path)) }
        }
        if let pid = try pidNamespace() { namespaces.append(pid) }
        // With v1 controllers there is no single root that a container could be given.
        if input.host.hasUnifiedCgroups && !isPrivileged { namespaces.append(.init(type: .cgroup)) }
        linux.namespaces = namespaces
        if let users = input.surroundings.users {
            linux.uidMappings = [users.users]
            linux.gidMappings = [users.groups]
        }
    }

    private func pidNamespace() throws(ServiceError) -> LinuxNamespace? {
        switch security.pidMode {
        case .node where input.surroundings.users != nil:
            throw ServiceError(
                .invalid, "share processes with node", nil, "the pod has a user namespace of its own")
        case .node: return nil
        case .container: return .init(type: .pid)
        case .target:
            guard let path = input.surroundings.targetPIDNamespace else {
                throw ServiceError(
                    .invalid, "share processes with container", security.namespaceOptions.targetID,
                    "it is not running in this pod")
            }
            return .init(type: .pid, path: path)
        case .pod, .UNRECOGNIZED:
            guard let path = input.surroundings.namespaces[.pid] else {
                // The pod was made for separate processes, or for the host's.
                return input.pod.linux.securityContext.pidMode == .node ? nil : .init(type: .pid)
            }
            return .init(type: .pid, path: path)
        }
    }

    /// What cannot be read and what cannot be written. A request with a security context says it all, also with empty
    /// lists; without one, the usual lists hold.
    mutating func setPaths() {
        guard !isPrivileged else { return }
        if input.container.linux.hasSecurityContext {
            linux.maskedPaths = security.maskedPaths
            linux.readonlyPaths = security.readonlyPaths
        } else {
            linux.maskedPaths = Self.maskedPaths
            linux.readonlyPaths = Self.readonlyPaths
        }
    }

    /// Paths that tell of the host or reach into it.
    static let maskedPaths = [
        "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
        "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
        "/sys/devices/virtual/powercap", "/sys/firmware",
    ]
    /// Paths that change the host.
    static let readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]

    /// The system call filter; none when nobody asks for one.
    mutating func setSeccomp() throws(ServiceError) {
        if isPrivileged {
            if let profile = input.defaults.privilegedSeccomp { apply(profile) }
            return
        }
        let profile: SeccompProfile
        switch security.hasSeccomp ? security.seccomp.profileType : .unconfined {
        case .unconfined:
            guard let annotated = input.defaults.annotatedSeccomp else { return }
            profile = annotated
        case .runtimeDefault: profile = input.defaults.seccomp
        case .localhost:
            guard let read = input.defaults.localhostSeccomp else {
                throw ServiceError(.invalid, "set seccomp profile", security.seccomp.localhostRef, "it was not read")
            }
            profile = read
        case .UNRECOGNIZED(let value):
            throw ServiceError(.invalid, "set seccomp profile", "\(value)", "no such type of profile")
        }
        apply(profile)
    }

    private mutating func apply(_ profile: SeccompProfile) {
        let seccomp = profile.resolve(
            capabilities: Set(process.capabilities?.bounding ?? []), architecture: input.host.architecture)
        linux.seccomp = input.notifier.map { seccomp.handingOver(to: $0) } ?? seccomp
    }
}
