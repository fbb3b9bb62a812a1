// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import OCIRuntimeSpec

/// What a request for a pod means, worked out before anything is made.
struct PodPlan: Hashable, Sendable {
    /// `name_namespace_uid_attempt`.
    var name: String
    /// Kinds of namespaces that the monitor makes: `net`, `ipc`, `uts`, `pid`, `user`.
    var namespaces: [String]
    /// The pod's users, where they are not the machine's.
    var users: UserMapping?
    var usesHostNetwork: Bool
    var usesHostIPC: Bool
    /// Parameters of the pod's own namespaces.
    var sysctls: [String: String]
    /// Parameters that belong to the host, or to a namespace that the pod shares with it: they are not set.
    var refusedSysctls: [String]
    var cgroup: PodCgroup
    /// The size of /dev/shm as mount(8) takes it.
    var shmSize = "65536k"

    /// What the machine adds to requests.
    struct Defaults: Sendable {
        /// Of the handler.
        var allowedAnnotations: [String] = []
        var sysctls: [String: String] = [:]
    }

    /// Checks a request.
    init(
        _ config: CRI.PodConfig, id: String, _ naming: CgroupNaming, _ defaults: Defaults = Defaults()
    ) throws(ServiceError) {
        try self.init(config, cgroup: naming.pod(id, requested: config.linux.cgroupParent), defaults)
    }

    /// The plan of a pod whose cgroup is known.
    init(_ config: CRI.PodConfig, cgroup: PodCgroup, _ defaults: Defaults = Defaults()) throws(ServiceError) {
        self.cgroup = cgroup
        func refuse(_ subject: String?, _ cause: String) -> ServiceError {
            ServiceError(.invalid, "run pod", subject, cause)
        }
        let metadata = config.metadata
        guard config.hasMetadata, !metadata.name.isEmpty else { throw refuse(nil, "its metadata has no name") }
        name = "\(metadata.name)_\(metadata.namespace)_\(metadata.uid)_\(metadata.attempt)"
        guard config.logDirectory.isEmpty || config.logDirectory.hasPrefix("/") else {
            throw refuse(metadata.name, "log directory \"\(config.logDirectory)\" is not an absolute path")
        }
        let options = config.linux.securityContext.namespaceOptions
        users = try UserMapping(options)
        // The kernel mounts a procfs or a queue of messages only for the owner of what it shows.
        guard users == nil || options.ipc != .node && config.linux.securityContext.pidMode != .node else {
            throw refuse(metadata.name, "with a user namespace, IPC and processes of the node cannot be shared")
        }
        usesHostNetwork = options.network == .node
        usesHostIPC = options.ipc == .node
        guard usesHostNetwork || Self.isHostname(config.hostname) else {
            throw refuse(metadata.name, "\"\(config.hostname)\" is not a host name")
        }
        // A pod on the host's network goes by the host's name, too.
        namespaces = usesHostNetwork ? [] : ["net", "uts"]
        if !usesHostIPC { namespaces.append("ipc") }
        if config.linux.securityContext.pidMode == .pod { namespaces.append("pid") }
        if users != nil { namespaces.append("user") }
        (sysctls, refusedSysctls) = Self.split(
            config.linux.sysctls, ownsIPC: !usesHostIPC, ownsNetwork: !usesHostNetwork)
        let others = Self.split(defaults.sysctls, ownsIPC: !usesHostIPC, ownsNetwork: !usesHostNetwork).own
        let asked = Set(sysctls.keys.map(Self.components))
        for (key, value) in others where !asked.contains(Self.components(key)) { sysctls[key] = value }
        shmSize = try ShmSize.find(config.annotations, allowed: defaults.allowedAnnotations) ?? shmSize
        if let groups = users?.groups { sysctls = Self.clamp(sysctls, to: groups) }
    }

    /// The kernel takes 64 bytes, and the name becomes a word in files.
    private static func isHostname(_ name: String) -> Bool {
        name.utf8.count <= 64 && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }
    }

    /// Tells the parameters of IPC and network namespaces from those of the host, sysctl(8) names with dots or slashes.
    static func split(
        _ sysctls: [String: String], ownsIPC: Bool, ownsNetwork: Bool
    ) -> (own: [String: String], refused: [String]) {
        let ipc: Set = [
            "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax",
            "kernel.shmmni", "kernel.shm_rmid_forced",
        ]
        var own: [String: String] = [:]
        var refused: [String] = []
        for (key, value) in sysctls.sorted(by: { $0.key < $1.key }) {
            let parts = components(key)
            let name = parts.joined(separator: ".")
            let isOwn =
                name.hasPrefix("net.") ? ownsNetwork : (ipc.contains(name) || name.hasPrefix("fs.mqueue.")) && ownsIPC
            let isWhole = !parts.contains { ["", ".", ".."].contains($0) }
            if isOwn && isWhole { own[key] = value } else { refused.append(key) }
        }
        return (own, refused)
    }

    /// The range of groups that may use ICMP sockets holds only groups that the pod has; the kernel refuses others.
    private static func clamp(_ sysctls: [String: String], to groups: LinuxIDMapping) -> [String: String] {
        var sysctls = sysctls
        for (key, value) in sysctls where components(key) == ["net", "ipv4", "ping_group_range"] {
            let numbers = value.split(whereSeparator: \.isWhitespace).compactMap { UInt32($0) }
            // What is no range the kernel shall refuse.
            if numbers.count == 2 { sysctls[key] = "\(numbers[0]) \(min(numbers[1], groups.size - 1))" }
        }
        return sysctls
    }

    /// The names of the parameter's folders and file. The first separator, dot or slash, is the one that counts; the
    /// other stands for itself, so that `net/ipv4/conf/eth0.1/forwarding` and `net.ipv4.conf.eth0/1.forwarding` are one.
    private static func components(_ key: String) -> [String] {
        let isPath = key.first { $0 == "." || $0 == "/" } == "/"
        return key.split(separator: isPath ? "/" : ".", omittingEmptySubsequences: false).map { part in
            isPath ? String(part) : String(part.map { $0 == "/" ? "." : $0 })
        }
    }
}
