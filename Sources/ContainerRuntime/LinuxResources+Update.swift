// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import OCIRuntimeSpec

extension LinuxResources {
    /// These with a change on top: what the change does not mention stays.
    func updated(with change: LinuxResources) -> LinuxResources {
        LinuxResources(
            devices: change.devices ?? devices, memory: memory.updated(with: change.memory),
            cpu: cpu.updated(with: change.cpu), pids: change.pids ?? pids,
            blockIO: blockIO.updated(with: change.blockIO),
            hugepageLimits: merge(hugepageLimits, change.hugepageLimits) { $0.pageSize },
            network: LinuxNetwork?.updated(network, change.network),
            rdma: merge(rdma, change.rdma), unified: merge(unified, change.unified))
    }
}

/// The elements of both; of two with one key the later.
private func merge<Element>(_ old: [Element]?, _ new: [Element]?, _ key: (Element) -> some Hashable) -> [Element]? {
    guard let new else { return old }
    let replaced = Set(new.map(key))
    return (old ?? []).filter { !replaced.contains(key($0)) } + new
}

private func merge<Value>(_ old: [String: Value]?, _ new: [String: Value]?) -> [String: Value]? {
    guard let new else { return old }
    return (old ?? [:]).merging(new) { $1 }
}

extension LinuxMemory? {
    fileprivate func updated(with change: LinuxMemory?) -> LinuxMemory? {
        guard let change else { return self }
        return LinuxMemory(
            limit: change.limit ?? self?.limit, reservation: change.reservation ?? self?.reservation,
            swap: change.swap ?? self?.swap, kernel: change.kernel ?? self?.kernel,
            kernelTCP: change.kernelTCP ?? self?.kernelTCP, swappiness: change.swappiness ?? self?.swappiness,
            disableOOMKiller: change.disableOOMKiller ?? self?.disableOOMKiller,
            useHierarchy: change.useHierarchy ?? self?.useHierarchy,
            checkBeforeUpdate: change.checkBeforeUpdate ?? self?.checkBeforeUpdate)
    }
}

extension LinuxCPU? {
    fileprivate func updated(with change: LinuxCPU?) -> LinuxCPU? {
        guard let change else { return self }
        return LinuxCPU(
            shares: change.shares ?? self?.shares, quota: change.quota ?? self?.quota,
            burst: change.burst ?? self?.burst, period: change.period ?? self?.period,
            realtimeRuntime: change.realtimeRuntime ?? self?.realtimeRuntime,
            realtimePeriod: change.realtimePeriod ?? self?.realtimePeriod, cpus: change.cpus ?? self?.cpus,
            mems: change.mems ?? self?.mems, idle: change.idle ?? self?.idle)
    }
}

extension LinuxBlockIO? {
    fileprivate func updated(with change: LinuxBlockIO?) -> LinuxBlockIO? {
        guard let change else { return self }
        func rates(_ list: KeyPath<LinuxBlockIO, [LinuxThrottleDevice]?>) -> [LinuxThrottleDevice]? {
            merge(self?[keyPath: list], change[keyPath: list]) { [$0.major, $0.minor] }
        }
        return LinuxBlockIO(
            weight: change.weight ?? self?.weight, leafWeight: change.leafWeight ?? self?.leafWeight,
            weightDevice: merge(self?.weightDevice, change.weightDevice) { [$0.major, $0.minor] },
            throttleReadBpsDevice: rates(\.throttleReadBpsDevice),
            throttleWriteBpsDevice: rates(\.throttleWriteBpsDevice),
            throttleReadIOPSDevice: rates(\.throttleReadIOPSDevice),
            throttleWriteIOPSDevice: rates(\.throttleWriteIOPSDevice))
    }
}

extension LinuxNetwork? {
    fileprivate static func updated(_ old: LinuxNetwork?, _ change: LinuxNetwork?) -> LinuxNetwork? {
        guard let change else { return old }
        return LinuxNetwork(
            classID: change.classID ?? old?.classID,
            priorities: merge(old?.priorities, change.priorities) { $0.name })
    }
}
