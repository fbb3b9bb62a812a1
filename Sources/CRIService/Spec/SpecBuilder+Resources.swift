// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import OCIRuntimeSpec

extension SpecBuilder {
    /// The container's cgroup and its limits.
    mutating func setResources() throws(ServiceError) {
        linux.cgroupsPath = input.surroundings.cgroupsPath
        let request = input.container.linux.resources
        var resources = try Self.limits(request, host: input.host, leastMemory: input.defaults.minimumMemory)
        if let workload = input.defaults.workload { resources.cpu = workload.applied(to: resources.cpu) }
        let unified = try unifiedAnnotation()
        if !unified.isEmpty { resources.unified = (resources.unified ?? [:]).merging(unified) { $1 } }
        if input.defaults.pidsLimit > 0 { resources.pids = LinuxPids(limit: Int64(input.defaults.pidsLimit)) }
        resources.blockIO = input.blockIO
        resources.devices = deviceRules()
        linux.resources = resources
        guard (-1000...1000).contains(request.oomScoreAdj) else {
            throw ServiceError(.invalid, "set oom_score_adj", "\(request.oomScoreAdj)", "want -1000 to 1000")
        }
        // Always: otherwise the process would inherit the protection of its monitor.
        process.oomScoreAdj = max(Int(request.oomScoreAdj), input.host.lowestOOMScore)
    }

    /// The CRI's limits in the terms of the OCI. Zero means "not set"; huge pages of a size that the host cannot limit
    /// are passed over, for kubelet names all sizes that it knows.
    static func limits(
        _ request: CRI.Resources, host: HostFacts, leastMemory: Int64
    ) throws(ServiceError) -> LinuxResources {
        var resources = LinuxResources()
        let cpu = LinuxCPU(
            shares: try amount(request.cpuShares, "cpu_shares"), quota: request.cpuQuota == 0 ? nil : request.cpuQuota,
            period: try amount(request.cpuPeriod, "cpu_period"),
            cpus: request.cpusetCpus.isEmpty ? nil : request.cpusetCpus,
            mems: request.cpusetMems.isEmpty ? nil : request.cpusetMems)
        if cpu != LinuxCPU() { resources.cpu = cpu }
        resources.memory = try memory(request, host, leastMemory)
        let huge = request.hugepageLimits.filter { host.hugepageSizes.contains($0.pageSize) }
        if !huge.isEmpty {
            resources.hugepageLimits = huge.map { LinuxHugepageLimit(pageSize: $0.pageSize, limit: $0.limit) }
        }
        if !request.unified.isEmpty { resources.unified = request.unified }
        return resources
    }

    private static func amount(_ value: Int64, _ name: String) throws(ServiceError) -> UInt64? {
        guard value >= 0 else { throw ServiceError(.invalid, "set \(name)", "\(value)", "it is negative") }
        return value == 0 ? nil : UInt64(value)
    }

    /// Without a limit of its own, swap gets what memory has where the host can do that: no swapping, as Kubernetes
    /// wants it.
    private static func memory(
        _ request: CRI.Resources, _ host: HostFacts, _ least: Int64
    ) throws(ServiceError) -> LinuxMemory? {
        let limit = request.memoryLimitInBytes
        let swap = request.memorySwapLimitInBytes
        guard limit >= 0 else { throw ServiceError(.invalid, "set memory limit", "\(limit)", "it is negative") }
        guard limit != 0 || swap != 0 else { return nil }
        if limit > 0 && limit < least {
            throw ServiceError(.invalid, "set memory limit", "\(limit)", "the least is \(least) bytes")
        }
        if swap > 0 && swap < limit {
            throw ServiceError(.invalid, "set swap limit", "\(swap)", "it is below the memory limit, \(limit)")
        }
        let own = swap == 0 && host.limitsSwap ? limit : swap
        return LinuxMemory(limit: limit == 0 ? nil : limit, swap: own == 0 ? nil : own)
    }
}
