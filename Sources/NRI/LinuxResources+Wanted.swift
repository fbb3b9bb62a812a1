// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import NRIAPI
package import OCIRuntimeSpec
internal import SwiftProtobuf

/// A limit that nothing here can set.
package struct UnusableLimit: Error, Hashable, Sendable, CustomStringConvertible {
    package var field: NRIField
    package var name: String
    package var cause: String

    package var description: String { "set \(name): \(cause)" }
}

extension LinuxResources {
    /// What a plugin asks for, on top of what is there.
    package mutating func take(_ wanted: NRILinuxResources) throws(UnusableLimit) {
        if wanted.hasBlockioClass, !wanted.blockioClass.value.isEmpty {
            throw UnusableLimit(
                field: .blockioClass, name: "class of block I/O", cause: "there are no classes of block I/O here")
        }
        if wanted.hasRdtClass, !wanted.rdtClass.value.isEmpty {
            throw UnusableLimit(field: .rdtClass, name: "RDT class", cause: "there are no RDT classes here")
        }
        if wanted.hasMemory { takeMemory(wanted.memory) }
        if wanted.hasCpu { takeCPU(wanted.cpu) }
        if wanted.hasPids { pids = LinuxPids(limit: wanted.pids.limit) }
        for limit in wanted.hugepageLimits {
            let others = (hugepageLimits ?? []).filter { $0.pageSize != limit.pageSize }
            hugepageLimits = others + [LinuxHugepageLimit(pageSize: limit.pageSize, limit: limit.limit)]
        }
        if !wanted.unified.isEmpty { unified = (unified ?? [:]).merging(wanted.unified) { $1 } }
    }

    private mutating func takeMemory(_ wanted: NRILinuxMemory) {
        var memory = memory ?? LinuxMemory()
        if wanted.hasLimit {
            // Where swap was bound to the old limit it is bound to the new one.
            if memory.swap != nil, memory.swap == memory.limit { memory.swap = wanted.limit.value }
            memory.limit = wanted.limit.value
        }
        if wanted.hasReservation { memory.reservation = wanted.reservation.value }
        if wanted.hasSwap { memory.swap = wanted.swap.value }
        if wanted.hasKernel { memory.kernel = wanted.kernel.value }
        if wanted.hasKernelTcp { memory.kernelTCP = wanted.kernelTcp.value }
        if wanted.hasSwappiness { memory.swappiness = wanted.swappiness.value }
        if wanted.hasDisableOomKiller { memory.disableOOMKiller = wanted.disableOomKiller.value }
        if wanted.hasUseHierarchy { memory.useHierarchy = wanted.useHierarchy.value }
        if memory != LinuxMemory() { self.memory = memory }
    }

    private mutating func takeCPU(_ wanted: NRILinuxCPU) {
        var cpu = cpu ?? LinuxCPU()
        if wanted.hasShares { cpu.shares = wanted.shares.value }
        if wanted.hasQuota { cpu.quota = wanted.quota.value }
        if wanted.hasPeriod { cpu.period = wanted.period.value }
        if wanted.hasRealtimeRuntime { cpu.realtimeRuntime = wanted.realtimeRuntime.value }
        if wanted.hasRealtimePeriod { cpu.realtimePeriod = wanted.realtimePeriod.value }
        if !wanted.cpus.isEmpty { cpu.cpus = wanted.cpus }
        if !wanted.mems.isEmpty { cpu.mems = wanted.mems }
        if cpu != LinuxCPU() { self.cpu = cpu }
    }
}

extension NRILinuxResources {
    /// The limits of a container, as plugins are told of them.
    package init(_ resources: LinuxResources) {
        self.init()
        if let memory = resources.memory { self.memory = NRILinuxMemory(memory) }
        if let cpu = resources.cpu { self.cpu = NRILinuxCPU(cpu) }
        if let pids = resources.pids { self.pids.limit = pids.limit }
        hugepageLimits = (resources.hugepageLimits ?? []).map { limit in
            .with { ($0.pageSize, $0.limit) = (limit.pageSize, limit.limit) }
        }
        unified = resources.unified ?? [:]
        devices = (resources.devices ?? []).map { rule in
            .with {
                ($0.allow, $0.type, $0.access) = (rule.allow, rule.type ?? "", rule.access ?? "")
                if let major = rule.major { $0.major.value = major }
                if let minor = rule.minor { $0.minor.value = minor }
            }
        }
    }
}

extension NRILinuxMemory {
    fileprivate init(_ memory: LinuxMemory) {
        self.init()
        if let value = memory.limit { limit.value = value }
        if let value = memory.reservation { reservation.value = value }
        if let value = memory.swap { swap.value = value }
        if let value = memory.kernel { kernel.value = value }
        if let value = memory.kernelTCP { kernelTcp.value = value }
        if let value = memory.swappiness { swappiness.value = value }
        if let value = memory.disableOOMKiller { disableOomKiller.value = value }
        if let value = memory.useHierarchy { useHierarchy.value = value }
    }
}

extension NRILinuxCPU {
    fileprivate init(_ cpu: LinuxCPU) {
        self.init()
        if let value = cpu.shares { shares.value = value }
        if let value = cpu.quota { quota.value = value }
        if let value = cpu.period { period.value = value }
        if let value = cpu.realtimeRuntime { realtimeRuntime.value = value }
        if let value = cpu.realtimePeriod { realtimePeriod.value = value }
        (cpus, mems) = (cpu.cpus ?? "", cpu.mems ?? "")
    }
}
