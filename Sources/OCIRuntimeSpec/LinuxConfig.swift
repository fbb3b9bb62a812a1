// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// The section `linux` of the configuration.
package struct LinuxConfig: Codable, Hashable, Sendable {
    /// User IDs of the container's user namespace.
    package var uidMappings: [LinuxIDMapping]?
    /// Group IDs of the container's user namespace.
    package var gidMappings: [LinuxIDMapping]?
    /// Namespaced kernel parameters by name.
    package var sysctl: [String: String]?
    /// Limits of the container's cgroup.
    package var resources: LinuxResources?
    /// The container's cgroup; absolute paths count from the mount point of the hierarchy.
    package var cgroupsPath: String?
    /// Namespaces to create or join; what is not named is shared with the runtime.
    package var namespaces: [LinuxNamespace]?
    /// Device nodes to create.
    package var devices: [LinuxDevice]?
    /// Network interfaces to move into the container, by their name on the host.
    package var netDevices: [String: LinuxNetDevice]?
    /// System call filter.
    package var seccomp: LinuxSeccomp?
    /// Propagation of the root filesystem's mount: `private`, `slave`, `shared`, `unbindable`.
    package var rootfsPropagation: String?
    /// Paths inside the container that cannot be read.
    package var maskedPaths: [String]?
    /// Paths inside the container that cannot be written.
    package var readonlyPaths: [String]?
    /// SELinux label of the container's mounts.
    package var mountLabel: String?
    /// Intel Resource Director Technology.
    package var intelRdt: LinuxIntelRdt?
    /// NUMA memory policy, see set_mempolicy(2).
    package var memoryPolicy: LinuxMemoryPolicy?
    /// Execution domain, see personality(2).
    package var personality: LinuxPersonality?
    /// Clock offsets of a new time namespace.
    package var timeOffsets: LinuxTimeOffsets?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(
        uidMappings: [LinuxIDMapping]? = nil, gidMappings: [LinuxIDMapping]? = nil, sysctl: [String: String]? = nil,
        resources: LinuxResources? = nil, cgroupsPath: String? = nil, namespaces: [LinuxNamespace]? = nil,
        devices: [LinuxDevice]? = nil, netDevices: [String: LinuxNetDevice]? = nil, seccomp: LinuxSeccomp? = nil,
        rootfsPropagation: String? = nil, maskedPaths: [String]? = nil, readonlyPaths: [String]? = nil,
        mountLabel: String? = nil, intelRdt: LinuxIntelRdt? = nil, memoryPolicy: LinuxMemoryPolicy? = nil,
        personality: LinuxPersonality? = nil, timeOffsets: LinuxTimeOffsets? = nil
    ) {
        self.uidMappings = uidMappings
        self.gidMappings = gidMappings
        self.sysctl = sysctl
        self.resources = resources
        self.cgroupsPath = cgroupsPath
        self.namespaces = namespaces
        self.devices = devices
        self.netDevices = netDevices
        self.seccomp = seccomp
        self.rootfsPropagation = rootfsPropagation
        self.maskedPaths = maskedPaths
        self.readonlyPaths = readonlyPaths
        self.mountLabel = mountLabel
        self.intelRdt = intelRdt
        self.memoryPolicy = memoryPolicy
        self.personality = personality
        self.timeOffsets = timeOffsets
    }
}
