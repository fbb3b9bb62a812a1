// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import NRIAPI

/// The limits that a plugin may set, each with how it is taken over.
struct ResourceField: Sendable {
    let field: NRIField
    let isSet: @Sendable (NRILinuxResources) -> Bool
    let copy: @Sendable (NRILinuxResources, inout NRILinuxResources) -> Void

    private init<Value>(
        _ field: NRIField, _ isSet: @escaping @Sendable (NRILinuxResources) -> Bool,
        _ place: any WritableKeyPath<NRILinuxResources, Value> & Sendable
    ) {
        self.field = field
        self.isSet = isSet
        copy = { $1[keyPath: place] = $0[keyPath: place] }
    }

    static let all = [
        ResourceField(.memLimit, { $0.memory.hasLimit }, \.memory.limit),
        ResourceField(.memReservation, { $0.memory.hasReservation }, \.memory.reservation),
        ResourceField(.memSwapLimit, { $0.memory.hasSwap }, \.memory.swap),
        ResourceField(.memKernelLimit, { $0.memory.hasKernel }, \.memory.kernel),
        ResourceField(.memTcpLimit, { $0.memory.hasKernelTcp }, \.memory.kernelTcp),
        ResourceField(.memSwappiness, { $0.memory.hasSwappiness }, \.memory.swappiness),
        ResourceField(.memDisableOomKiller, { $0.memory.hasDisableOomKiller }, \.memory.disableOomKiller),
        ResourceField(.memUseHierarchy, { $0.memory.hasUseHierarchy }, \.memory.useHierarchy),
        ResourceField(.cpuShares, { $0.cpu.hasShares }, \.cpu.shares),
        ResourceField(.cpuQuota, { $0.cpu.hasQuota }, \.cpu.quota),
        ResourceField(.cpuPeriod, { $0.cpu.hasPeriod }, \.cpu.period),
        ResourceField(.cpuRealtimeRuntime, { $0.cpu.hasRealtimeRuntime }, \.cpu.realtimeRuntime),
        ResourceField(.cpuRealtimePeriod, { $0.cpu.hasRealtimePeriod }, \.cpu.realtimePeriod),
        ResourceField(.cpusetCpus, { !$0.cpu.cpus.isEmpty }, \.cpu.cpus),
        ResourceField(.cpusetMems, { !$0.cpu.mems.isEmpty }, \.cpu.mems),
        ResourceField(.pidsLimit, { $0.hasPids }, \.pids),
        ResourceField(.blockioClass, { $0.hasBlockioClass }, \.blockioClass),
        ResourceField(.rdtClass, { $0.hasRdtClass }, \.rdtClass),
    ]
}

extension NRILinuxResources {
    /// Takes over what the plugin asks for, and notes whose it is.
    mutating func take(
        _ asked: NRILinuxResources, of plugin: String, _ owners: inout FieldOwners
    ) throws(PluginError) {
        for row in ResourceField.all where row.isSet(asked) {
            try owners.claim(row.field, plugin)
            row.copy(asked, &self)
        }
        for limit in asked.hugepageLimits {
            try owners.claim(.hugepageLimits, limit.pageSize, plugin)
            hugepageLimits.removeAll { $0.pageSize == limit.pageSize }
            hugepageLimits.append(limit)
        }
        for (key, value) in asked.unified.sorted(by: { $0.key < $1.key }) {
            try owners.claim(.cgroupsUnified, key, plugin)
            unified[key] = value
        }
    }
}
