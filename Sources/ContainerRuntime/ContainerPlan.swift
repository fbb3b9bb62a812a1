// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Linux
package import OCIRuntimeSpec

/// A configuration that was checked and turned into what is to be done. Making one touches nothing.
package struct ContainerPlan: Hashable, Sendable {
    /// Absolute path of the bundle.
    package var bundle: String
    /// Absolute path of the root filesystem.
    package var rootfs: String
    package var rootfsIsReadOnly: Bool
    /// How mounts spread between the container's root and the host; slave unless the configuration says more.
    package var rootfsPropagation: MountFlags
    package var namespaces: NamespacePlans
    package var uidMappings: [LinuxIDMapping]
    package var gidMappings: [LinuxIDMapping]
    package var timeOffsets: LinuxTimeOffsets?
    package var hostName: String?
    package var domainName: String?
    package var mounts: [MountPlan]
    package var devices: [DevicePlan]
    package var networkDevices: [NetworkDevicePlan]
    package var sysctls: [SysctlPlan]
    package var maskedPaths: [String]
    package var readOnlyPaths: [String]
    package var cgroupsPath: String?
    package var resources: LinuxResources
    package var resctrl: ResctrlPlan?
    package var seccomp: SeccompPlan?
    package var hooks: Hooks
    package var annotations: [String: String]
    /// What the annotations ask this runtime for.
    package var extensions: RuntimeAnnotations
    package var process: ProcessPlan

    /// Checks the configuration; `bundle` is absolute. What this runtime cannot do is refused.
    package init(spec: Spec, bundle: String, host: HostFacts) throws(PlanError) {
        try Self.checkVersion(spec.ociVersion)
        guard let root = spec.root, !root.path.isEmpty else { throw PlanError("root property must not be empty") }
        guard let process = spec.process else { throw PlanError("process property must not be empty") }
        let linux = spec.linux ?? LinuxConfig()
        self.bundle = bundle
        rootfs = LexicalPath.absolute(root.path, base: bundle)
        rootfsIsReadOnly = root.readonly ?? false
        rootfsPropagation = try Self.rootfsPropagation(linux.rootfsPropagation)
        namespaces = try NamespacePlans(linux.namespaces ?? [])
        (uidMappings, gidMappings) = try Self.idMappings(linux, namespaces)
        timeOffsets = try Self.timeOffsets(linux, namespaces)
        (hostName, domainName) = try Self.names(spec, namespaces)
        let mounts = try Self.mounts(
            spec.mounts ?? [], bundle, namespaces.isPrivate(.user) ? (uidMappings, gidMappings) : nil)
        self.mounts = try MountLabel.label(mounts, linux.mountLabel, host: host)
        devices = try DevicePlan.all(linux.devices ?? [])
        networkDevices = try NetworkDevicePlan.all(linux.netDevices ?? [:], namespaces)
        sysctls = try Self.sysctls(linux.sysctl ?? [:], namespaces)
        maskedPaths = try Self.containerPaths(linux.maskedPaths, "maskedPaths")
        readOnlyPaths = try Self.containerPaths(linux.readonlyPaths, "readonlyPaths")
        cgroupsPath = linux.cgroupsPath.flatMap { $0.isEmpty ? nil : $0 }
        resources = DeviceAccessRules.completing(linux.resources ?? LinuxResources())
        resctrl = try linux.intelRdt.map { spec throws(PlanError) in try ResctrlPlan(spec) }
        hooks = try Self.hooks(spec.hooks)
        annotations = spec.annotations ?? [:]
        extensions = try RuntimeAnnotations(annotations)
        seccomp = try SeccompPlan(linux.seccomp, extensions)
        self.process = try ProcessPlan(process, linux, host: host)
        self.process.keepsGroups = extensions.keepsGroups
        try Self.refuseUnsupported(linux, namespaces)
    }

    /// Whether `/dev` is the host's or another container's: then nothing is made in it.
    package var makesDevices: Bool { !mounts.contains { $0.destination == "/dev" && $0.isBind } }

    /// Whether programs of the host's run for the container besides its own.
    package var hasHooks: Bool { hooks != Hooks() }

    /// Whether the container's users are not the host's.
    package var hasUserNamespace: Bool { namespaces.isPrivate(.user) }
}
