// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// All that the kernel counts in a cgroup, in the JSON form that runc's command `events` has: `data` of a record of the
/// type `stats`. Sizes in bytes, times in nanoseconds. What the host does not count is absent.
package struct CgroupMetrics: Encodable, Hashable, Sendable {
    /// CPU time.
    package struct CPU: Encodable, Hashable, Sendable {
        package struct Usage: Encodable, Hashable, Sendable {
            package var total: UInt64 = 0
            package var percpu: [UInt64]?
            package var percpuKernel: [UInt64]?
            package var percpuUser: [UInt64]?
            package var kernel: UInt64 = 0
            package var user: UInt64 = 0

            enum CodingKeys: String, CodingKey {
                case total, percpu, kernel, user
                case percpuKernel = "percpu_kernel"
                case percpuUser = "percpu_user"
            }
        }

        package struct Throttling: Encodable, Hashable, Sendable {
            package var periods: UInt64 = 0
            package var throttledPeriods: UInt64 = 0
            package var throttledTime: UInt64 = 0
        }

        package var usage = Usage()
        package var throttling = Throttling()
        package var psi: Pressure?
    }

    /// Where tasks may run and allocate.
    package struct CPUSet: Encodable, Hashable, Sendable {
        package var cpus: [UInt16]?
        package var mems: [UInt16]?
        /// Switches of v1, by the names that follow `cpuset.`.
        package var switches: [String: Int64] = [:]

        static let switchNames = [
            "cpu_exclusive", "mem_hardwall", "mem_exclusive", "memory_migrate", "memory_spread_page",
            "memory_spread_slab", "memory_pressure", "sched_load_balance", "sched_relax_domain_level",
        ]

        package func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: AnyKey.self)
            try container.encodeIfPresent(cpus, forKey: AnyKey("cpus"))
            try container.encodeIfPresent(mems, forKey: AnyKey("mems"))
            for name in Self.switchNames { try container.encode(switches[name] ?? 0, forKey: AnyKey(name)) }
        }
    }

    package struct Memory: Encodable, Hashable, Sendable {
        package struct Entry: Encodable, Hashable, Sendable {
            package var limit: UInt64 = 0
            package var usage: UInt64?
            /// The most there ever was.
            package var max: UInt64?
            package var failcnt: UInt64 = 0
        }

        /// Page cache.
        package var cache: UInt64?
        package var usage = Entry()
        /// Memory and swap together, as v1 counts.
        package var swap: Entry?
        package var kernel: Entry?
        package var kernelTCP: Entry?
        /// `memory.stat` as it is.
        package var raw: [String: UInt64] = [:]
        package var psi: Pressure?
    }

    package struct Pids: Encodable, Hashable, Sendable {
        package var current: UInt64 = 0
        /// nil is unlimited.
        package var limit: UInt64?
    }

    /// A count of one device; `op` is `Read`, `Write` and so on.
    package struct BlockIOEntry: Encodable, Hashable, Sendable {
        package var major: UInt64
        package var minor: UInt64
        package var op: String?
        package var value: UInt64
    }

    package struct BlockIO: Encodable, Hashable, Sendable {
        /// By runc's names: `ioServiceBytesRecursive` and the like.
        package var counts: [String: [BlockIOEntry]] = [:]
        package var psi: Pressure?

        package func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: AnyKey.self)
            for (name, entries) in counts where !entries.isEmpty { try container.encode(entries, forKey: AnyKey(name)) }
            try container.encodeIfPresent(psi, forKey: AnyKey("psi"))
        }
    }

    package struct Hugetlb: Encodable, Hashable, Sendable {
        package var usage: UInt64 = 0
        package var max: UInt64?
        package var failcnt: UInt64 = 0
    }

    /// How long tasks waited: percentages of the last 10, 60 and 300 seconds, and microseconds in all. See PSI in
    /// Documentation/accounting/psi.rst of the kernel.
    package struct Pressure: Encodable, Hashable, Sendable {
        package struct Line: Encodable, Hashable, Sendable {
            package var avg10 = 0.0
            package var avg60 = 0.0
            package var avg300 = 0.0
            package var total: UInt64 = 0
        }

        package var some: Line?
        package var full: Line?
    }

    package var cpu = CPU()
    package var cpuset = CPUSet()
    package var memory = Memory()
    package var pids = Pids()
    package var blkio = BlockIO()
    package var hugetlb: [String: Hugetlb] = [:]
    /// Counted per group of resctrl, not per cgroup.
    package var intelRdt: [String: String] = [:]

    enum CodingKeys: String, CodingKey {
        case cpu, cpuset, memory, pids, blkio, hugetlb
        case intelRdt = "intel_rdt"
    }

    /// A key that is not known before.
    struct AnyKey: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(_ name: String) { stringValue = name }
        init(stringValue name: String) { stringValue = name }
        init?(intValue: Int) { nil }
    }
}
