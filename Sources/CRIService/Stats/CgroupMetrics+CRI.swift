// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import Cgroups
internal import SwiftProtobuf

/// What the kernel counts in the CRI's terms.
extension CgroupMetrics {
    /// A counter of `memory.stat`, of this cgroup and those below: v1 and v2 have other names for it.
    func memoryCounter(_ legacy: String, _ unified: String) -> UInt64 {
        memory.raw["total_\(legacy)"] ?? memory.raw[unified] ?? 0
    }

    /// Memory that cannot be reclaimed easily; Kubernetes evicts by it.
    var workingSet: UInt64 {
        let usage = memory.usage.usage ?? 0
        let inactive = memoryCounter("inactive_file", "inactive_file")
        return usage > inactive ? usage - inactive : 0
    }

    /// nil is unlimited, which v1 tells by the largest multiple of the page size.
    static func limit(_ value: UInt64) -> UInt64? { value >= 1 << 62 ? nil : value }

    /// Swap alone, which is counted together with memory.
    var swapUsage: UInt64? {
        guard let both = memory.swap?.usage, let usage = memory.usage.usage else { return nil }
        return both > usage ? both - usage : 0
    }

    func cpuUsage(at time: Int64, rate: UInt64) -> Runtime_V1_CpuUsage {
        .with {
            $0.timestamp = time
            $0.usageCoreNanoSeconds.value = cpu.usage.total
            $0.usageNanoCores.value = rate
            if let psi = cpu.psi { $0.psi = psi.cri }
        }
    }

    func memoryUsage(at time: Int64) -> Runtime_V1_MemoryUsage {
        .with {
            $0.timestamp = time
            $0.workingSetBytes.value = workingSet
            if let limit = Self.limit(memory.usage.limit), limit > 0 {
                $0.availableBytes.value = limit > workingSet ? limit - workingSet : 0
            }
            $0.usageBytes.value = memory.usage.usage ?? 0
            $0.rssBytes.value = memoryCounter("rss", "anon")
            $0.pageFaults.value = memoryCounter("pgfault", "pgfault")
            $0.majorPageFaults.value = memoryCounter("pgmajfault", "pgmajfault")
            if let psi = memory.psi { $0.psi = psi.cri }
        }
    }

    func swapUsage(at time: Int64) -> Runtime_V1_SwapUsage {
        .with {
            $0.timestamp = time
            guard let used = swapUsage else { return }
            $0.swapUsageBytes.value = used
            // The limit of both together, less the one of memory.
            if let both = memory.swap.flatMap({ Self.limit($0.limit) }), let limit = Self.limit(memory.usage.limit) {
                let own = both > limit ? both - limit : 0
                $0.swapAvailableBytes.value = own > used ? own - used : 0
            }
        }
    }

    func ioUsage(at time: Int64) -> Runtime_V1_IoUsage {
        .with {
            $0.timestamp = time
            if let psi = blkio.psi { $0.psi = psi.cri }
        }
    }
}

extension CgroupMetrics.Pressure {
    /// Microseconds become nanoseconds.
    var cri: Runtime_V1_PsiStats {
        .with {
            if let some { $0.some = Self.data(some) }
            if let full { $0.full = Self.data(full) }
        }
    }

    private static func data(_ line: Line) -> Runtime_V1_PsiData {
        .with {
            $0.total = line.total * 1000
            $0.avg10 = line.avg10
            $0.avg60 = line.avg60
            $0.avg300 = line.avg300
        }
    }
}
