// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// What a runtime supports, as `features` prints it. Lists are open, a newer runtime knows more names.
package struct Features: Codable, Hashable, Sendable {
    /// Oldest version of the runtime-spec.
    package var ociVersionMin: String
    /// Newest version of the runtime-spec.
    package var ociVersionMax: String
    /// Kinds of hooks.
    package var hooks: [String]?
    /// Options of mounts.
    package var mountOptions: [String]?
    /// Features of Linux.
    package var linux: LinuxFeatures?
    /// Facts about the runtime outside the specification.
    package var annotations: [String: String]?
    /// Annotations that change the runtime's behaviour; entries that end in `.` are prefixes.
    package var potentiallyUnsafeConfigAnnotations: [String]?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(
        ociVersionMin: String, ociVersionMax: String, hooks: [String]? = nil, mountOptions: [String]? = nil,
        linux: LinuxFeatures? = nil, annotations: [String: String]? = nil,
        potentiallyUnsafeConfigAnnotations: [String]? = nil
    ) {
        self.ociVersionMin = ociVersionMin
        self.ociVersionMax = ociVersionMax
        self.hooks = hooks
        self.mountOptions = mountOptions
        self.linux = linux
        self.annotations = annotations
        self.potentiallyUnsafeConfigAnnotations = potentiallyUnsafeConfigAnnotations
    }
}

/// Features of Linux.
package struct LinuxFeatures: Codable, Hashable, Sendable {
    /// Kinds of namespaces.
    package var namespaces: [String]?
    /// Known capabilities.
    package var capabilities: [String]?
    /// Control groups.
    package var cgroup: CgroupFeatures?
    /// System call filters.
    package var seccomp: SeccompFeatures?
    /// AppArmor.
    package var apparmor: FeatureSwitch?
    /// SELinux.
    package var selinux: FeatureSwitch?
    /// Intel Resource Director Technology.
    package var intelRdt: IntelRdtFeatures?
    /// NUMA memory policies.
    package var memoryPolicy: MemoryPolicyFeatures?
    /// Additions to mounts.
    package var mountExtensions: MountExtensions?
    /// Moving network interfaces.
    package var netDevices: FeatureSwitch?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(
        namespaces: [String]? = nil, capabilities: [String]? = nil, cgroup: CgroupFeatures? = nil,
        seccomp: SeccompFeatures? = nil, apparmor: FeatureSwitch? = nil, selinux: FeatureSwitch? = nil,
        intelRdt: IntelRdtFeatures? = nil, memoryPolicy: MemoryPolicyFeatures? = nil,
        mountExtensions: MountExtensions? = nil, netDevices: FeatureSwitch? = nil
    ) {
        self.namespaces = namespaces
        self.capabilities = capabilities
        self.cgroup = cgroup
        self.seccomp = seccomp
        self.apparmor = apparmor
        self.selinux = selinux
        self.intelRdt = intelRdt
        self.memoryPolicy = memoryPolicy
        self.mountExtensions = mountExtensions
        self.netDevices = netDevices
    }
}

/// A feature that is there or not.
package struct FeatureSwitch: Codable, Hashable, Sendable {
    /// Whether the runtime was built with it; nothing is known when absent.
    package var enabled: Bool?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(enabled: Bool? = nil) {
        self.enabled = enabled
    }
}

/// Support of control groups.
package struct CgroupFeatures: Codable, Hashable, Sendable {
    /// cgroup v1.
    package var v1: Bool?
    /// cgroup v2.
    package var v2: Bool?
    /// Through the system's systemd.
    package var systemd: Bool?
    /// Through a user's systemd.
    package var systemdUser: Bool?
    /// RDMA limits.
    package var rdma: Bool?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(v1: Bool? = nil, v2: Bool? = nil, systemd: Bool? = nil, systemdUser: Bool? = nil, rdma: Bool? = nil) {
        self.v1 = v1
        self.v2 = v2
        self.systemd = systemd
        self.systemdUser = systemdUser
        self.rdma = rdma
    }
}

/// Support of system call filters.
package struct SeccompFeatures: Codable, Hashable, Sendable {
    /// Whether filters are supported.
    package var enabled: Bool?
    /// Actions.
    package var actions: [String]?
    /// Comparisons.
    package var operators: [String]?
    /// Architectures.
    package var archs: [String]?
    /// Flags the runtime recognises.
    package var knownFlags: [String]?
    /// Flags that also work on this host.
    package var supportedFlags: [String]?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(
        enabled: Bool? = nil, actions: [String]? = nil, operators: [String]? = nil, archs: [String]? = nil,
        knownFlags: [String]? = nil, supportedFlags: [String]? = nil
    ) {
        self.enabled = enabled
        self.actions = actions
        self.operators = operators
        self.archs = archs
        self.knownFlags = knownFlags
        self.supportedFlags = supportedFlags
    }
}

/// Support of Intel RDT.
package struct IntelRdtFeatures: Codable, Hashable, Sendable {
    /// Whether it is supported.
    package var enabled: Bool?
    /// Whether `schemata` is.
    package var schemata: Bool?
    /// Whether `enableMonitoring` is.
    package var monitoring: Bool?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(enabled: Bool? = nil, schemata: Bool? = nil, monitoring: Bool? = nil) {
        self.enabled = enabled
        self.schemata = schemata
        self.monitoring = monitoring
    }
}

/// Support of NUMA memory policies.
package struct MemoryPolicyFeatures: Codable, Hashable, Sendable {
    /// Modes.
    package var modes: [String]?
    /// Flags.
    package var flags: [String]?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(modes: [String]? = nil, flags: [String]? = nil) {
        self.modes = modes
        self.flags = flags
    }
}

/// Additions to mounts.
package struct MountExtensions: Codable, Hashable, Sendable {
    /// ID-mapped mounts.
    package var idmap: FeatureSwitch?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(idmap: FeatureSwitch? = nil) {
        self.idmap = idmap
    }
}
