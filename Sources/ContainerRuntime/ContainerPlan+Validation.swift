// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import OCIRuntimeSpec

extension ContainerPlan {
    /// Any 1.x: newer minor versions only add properties.
    static func checkVersion(_ version: String) throws(PlanError) {
        guard version.hasPrefix("1.") else { throw PlanError("unsupported ociVersion \"\(version)\"") }
    }

    static func rootfsPropagation(_ name: String?) throws(PlanError) -> MountFlags {
        guard let name, !name.isEmpty else { return [.slave, .recursive] }
        guard let flags = MountOptions.propagation(named: name) else {
            throw PlanError("rootfsPropagation=\"\(name)\" is not supported")
        }
        return flags
    }

    /// Mappings beside a joined user namespace describe it and are not written.
    static func idMappings(
        _ linux: LinuxConfig, _ namespaces: NamespacePlans
    ) throws(PlanError) -> ([LinuxIDMapping], [LinuxIDMapping]) {
        let users = linux.uidMappings ?? []
        let groups = linux.gidMappings ?? []
        switch namespaces[.user] {
        case .inherit:
            guard users.isEmpty, groups.isEmpty else {
                throw PlanError("user namespace mappings specified, but user namespace isn't enabled in the config")
            }
        case .create:
            guard !users.isEmpty else { throw PlanError("user namespaces enabled, but no uid mappings found") }
            guard !groups.isEmpty else { throw PlanError("user namespaces enabled, but no gid mappings found") }
        case .join: break
        }
        return (users, groups)
    }

    static func timeOffsets(
        _ linux: LinuxConfig, _ namespaces: NamespacePlans
    ) throws(PlanError) -> LinuxTimeOffsets? {
        guard let offsets = linux.timeOffsets, offsets.boottime != nil || offsets.monotonic != nil else { return nil }
        guard namespaces[.time] == .create else {
            throw PlanError("time namespace offsets specified, but a new time namespace isn't enabled in the config")
        }
        return offsets
    }

    static func names(_ spec: Spec, _ namespaces: NamespacePlans) throws(PlanError) -> (String?, String?) {
        let host = spec.hostname.flatMap { $0.isEmpty ? nil : $0 }
        let domain = spec.domainname.flatMap { $0.isEmpty ? nil : $0 }
        if !namespaces.isPrivate(.uts) {
            if host != nil { throw PlanError("unable to set hostname without a private UTS namespace") }
            if domain != nil { throw PlanError("unable to set domainname without a private UTS namespace") }
        }
        for name in [host, domain].compactMap(\.self) where name.utf8.count > 64 {
            throw PlanError("host or domain name \"\(name)\" is longer than 64 bytes")
        }
        return (host, domain)
    }

    /// `owners` is the ID mapping of the container's user namespace, nil when it has none.
    static func mounts(
        _ mounts: [Mount], _ bundle: String, _ owners: (users: [LinuxIDMapping], groups: [LinuxIDMapping])?
    ) throws(PlanError) -> [MountPlan] {
        var plans: [MountPlan] = []
        for mount in mounts {
            var plan = try MountPlan(mount, bundle: bundle)
            try plan.idMap?.resolve(for: plan.destination, owners)
            plans.append(plan)
        }
        return plans
    }

    static func sysctls(_ values: [String: String], _ namespaces: NamespacePlans) throws(PlanError) -> [SysctlPlan] {
        var plans: [SysctlPlan] = []
        for (name, value) in values.sorted(by: { $0.key < $1.key }) {
            plans.append(try SysctlPlan(name, value, namespaces))
        }
        return plans
    }

    static func containerPaths(_ paths: [String]?, _ property: String) throws(PlanError) -> [String] {
        var clean: [String] = []
        for path in paths ?? [] {
            guard path.hasPrefix("/"), !path.utf8.contains(0) else {
                throw PlanError("\(property) \"\(path)\" must be an absolute path")
            }
            let absolute = LexicalPath.absolute(path)
            guard absolute != "/" else { throw PlanError("\(property) \"\(path)\" is the root filesystem") }
            clean.append(absolute)
        }
        return clean
    }

    static func hooks(_ hooks: Hooks?) throws(PlanError) -> Hooks {
        let hooks = hooks ?? Hooks()
        let all = [
            hooks.prestart, hooks.createRuntime, hooks.createContainer, hooks.startContainer, hooks.poststart,
            hooks.poststop,
        ]
        for hook in all.flatMap({ $0 ?? [] }) {
            guard hook.path.hasPrefix("/"), !hook.path.utf8.contains(0) else {
                throw PlanError("hook path \"\(hook.path)\" must be absolute")
            }
            if let timeout = hook.timeout, timeout <= 0 {
                throw PlanError("hook \"\(hook.path)\": timeout \(timeout) must be greater than zero")
            }
            let texts = (hook.args ?? []) + (hook.env ?? [])
            guard !texts.contains(where: { $0.utf8.contains(0) }) else {
                throw PlanError("hook \"\(hook.path)\": argument or variable with a NUL byte")
            }
        }
        return hooks
    }

    static func refuseUnsupported(_ linux: LinuxConfig, _ namespaces: NamespacePlans) throws(PlanError) {
        guard namespaces.isPrivate(.mount) else {
            throw .unsupported("a container without a mount namespace of its own")
        }
        // The rootfs would become the root of everybody in it, the host included.
        if case .join = namespaces[.mount] { throw .unsupported("joining a mount namespace") }
    }
}
