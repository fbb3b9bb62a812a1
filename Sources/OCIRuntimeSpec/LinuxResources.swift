// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Limits of the container's cgroup. An absent property leaves the kernel's value alone.
package struct LinuxResources: Codable, Hashable, Sendable {
    /// Device access rules; the last that matches wins.
    package var devices: [LinuxDeviceCgroup]?
    /// Memory limits.
    package var memory: LinuxMemory?
    /// CPU time and placement.
    package var cpu: LinuxCPU?
    /// Number of tasks.
    package var pids: LinuxPids?
    /// Block device limits.
    package var blockIO: LinuxBlockIO?
    /// Huge pages by size.
    package var hugepageLimits: [LinuxHugepageLimit]?
    /// Marks on network traffic; cgroup v1 only.
    package var network: LinuxNetwork?
    /// RDMA resources by device.
    package var rdma: [String: LinuxRdma]?
    /// Files of cgroup v2 and what to write to them.
    package var unified: [String: String]?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(
        devices: [LinuxDeviceCgroup]? = nil, memory: LinuxMemory? = nil, cpu: LinuxCPU? = nil, pids: LinuxPids? = nil,
        blockIO: LinuxBlockIO? = nil, hugepageLimits: [LinuxHugepageLimit]? = nil, network: LinuxNetwork? = nil,
        rdma: [String: LinuxRdma]? = nil, unified: [String: String]? = nil
    ) {
        self.devices = devices
        self.memory = memory
        self.cpu = cpu
        self.pids = pids
        self.blockIO = blockIO
        self.hugepageLimits = hugepageLimits
        self.network = network
        self.rdma = rdma
        self.unified = unified
    }
}

/// One device access rule.
package struct LinuxDeviceCgroup: Codable, Hashable, Sendable {
    /// Whether access is granted.
    package var allow: Bool
    /// `a` (all), `c` or `b`; all when absent.
    package var type: String?
    /// Major number; any when absent or -1.
    package var major: Int64?
    /// Minor number; any when absent or -1.
    package var minor: Int64?
    /// Letters of `r`, `w` and `m` (mknod); all when absent.
    package var access: String?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(allow: Bool, type: String? = nil, major: Int64? = nil, minor: Int64? = nil, access: String? = nil) {
        self.allow = allow
        self.type = type
        self.major = major
        self.minor = minor
        self.access = access
    }
}

/// Memory limits in bytes; -1 is unlimited.
package struct LinuxMemory: Codable, Hashable, Sendable {
    /// Memory.
    package var limit: Int64?
    /// Soft limit.
    package var reservation: Int64?
    /// Memory and swap together.
    package var swap: Int64?
    /// Kernel memory; deprecated, kernels ignore it.
    package var kernel: Int64?
    /// TCP buffers of the kernel; deprecated.
    package var kernelTCP: Int64?
    /// How eagerly pages are swapped, 0 to 100; cgroup v1 only.
    package var swappiness: UInt64?
    /// Whether tasks wait instead of being killed; cgroup v1 only.
    package var disableOOMKiller: Bool?
    /// Hierarchical accounting; always on.
    package var useHierarchy: Bool?
    /// Whether a limit below the current use is refused.
    package var checkBeforeUpdate: Bool?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(
        limit: Int64? = nil, reservation: Int64? = nil, swap: Int64? = nil, kernel: Int64? = nil,
        kernelTCP: Int64? = nil, swappiness: UInt64? = nil, disableOOMKiller: Bool? = nil, useHierarchy: Bool? = nil,
        checkBeforeUpdate: Bool? = nil
    ) {
        self.limit = limit
        self.reservation = reservation
        self.swap = swap
        self.kernel = kernel
        self.kernelTCP = kernelTCP
        self.swappiness = swappiness
        self.disableOOMKiller = disableOOMKiller
        self.useHierarchy = useHierarchy
        self.checkBeforeUpdate = checkBeforeUpdate
    }
}

/// CPU time and placement.
package struct LinuxCPU: Codable, Hashable, Sendable {
    /// Relative share of CPU time, 2 to 262144.
    package var shares: UInt64?
    /// Microseconds of CPU time per period; -1 is unlimited.
    package var quota: Int64?
    /// Microseconds of unused quota that may be spent later.
    package var burst: UInt64?
    /// Length of the period in microseconds.
    package var period: UInt64?
    /// Microseconds of realtime scheduling per period; cgroup v1 only.
    package var realtimeRuntime: Int64?
    /// Length of the realtime period in microseconds; cgroup v1 only.
    package var realtimePeriod: UInt64?
    /// CPUs as a list: `0-3,7`.
    package var cpus: String?
    /// Memory nodes as a list.
    package var mems: String?
    /// 1 for scheduling below everything else.
    package var idle: Int64?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(
        shares: UInt64? = nil, quota: Int64? = nil, burst: UInt64? = nil, period: UInt64? = nil,
        realtimeRuntime: Int64? = nil, realtimePeriod: UInt64? = nil, cpus: String? = nil, mems: String? = nil,
        idle: Int64? = nil
    ) {
        self.shares = shares
        self.quota = quota
        self.burst = burst
        self.period = period
        self.realtimeRuntime = realtimeRuntime
        self.realtimePeriod = realtimePeriod
        self.cpus = cpus
        self.mems = mems
        self.idle = idle
    }
}

/// Number of tasks.
package struct LinuxPids: Codable, Hashable, Sendable {
    /// Most tasks at a time; -1 is unlimited.
    package var limit: Int64

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(limit: Int64) {
        self.limit = limit
    }
}

/// Limit of the huge pages of one size.
package struct LinuxHugepageLimit: Codable, Hashable, Sendable {
    /// Size as the kernel writes it: `2MB`, `1GB`.
    package var pageSize: String
    /// Bytes.
    package var limit: UInt64

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(pageSize: String, limit: UInt64) {
        self.pageSize = pageSize
        self.limit = limit
    }
}

/// Marks on network traffic; cgroup v1 only.
package struct LinuxNetwork: Codable, Hashable, Sendable {
    /// Class of packets for tc(8).
    package var classID: UInt32?
    /// Priorities by interface.
    package var priorities: [LinuxInterfacePriority]?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(classID: UInt32? = nil, priorities: [LinuxInterfacePriority]? = nil) {
        self.classID = classID
        self.priorities = priorities
    }
}

/// Priority of traffic over one network interface.
package struct LinuxInterfacePriority: Codable, Hashable, Sendable {
    /// Name of the interface.
    package var name: String
    /// Priority.
    package var priority: UInt32

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(name: String, priority: UInt32) {
        self.name = name
        self.priority = priority
    }
}

/// Limits of one RDMA device; an absent one is unlimited.
package struct LinuxRdma: Codable, Hashable, Sendable {
    /// HCA handles.
    package var hcaHandles: UInt32?
    /// HCA objects.
    package var hcaObjects: UInt32?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(hcaHandles: UInt32? = nil, hcaObjects: UInt32? = nil) {
        self.hcaHandles = hcaHandles
        self.hcaObjects = hcaObjects
    }
}
