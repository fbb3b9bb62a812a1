// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import EngineConfiguration
internal import FoundationEssentials
internal import OCIRuntimeSpec

/// The processors that a workload gives a container in place of those that the request asks for.
package struct WorkloadResources: Hashable, Sendable {
    /// What the pod's annotation says of one container, under CRI-O's names.
    private struct Annotation: Decodable {
        var cpushares: UInt64?
        var cpuset: String?
        var cpuquota: Int64?
        var cpuperiod: UInt64?
        var cpulimit: Int64?
    }

    var shares: UInt64 = 0
    var cpuset = ""
    var quota: Int64 = 0
    var period: UInt64 = 0
    /// Thousandths of a processor.
    var limit: Int64 = 0

    /// Those of the configuration, where the pod's annotation for the container says nothing else.
    init(
        _ workload: WorkloadConfig, container: String, annotations: [String: String]
    ) throws(ServiceError) {
        (shares, cpuset, quota) = (UInt64(workload.cpuShares), workload.cpuset, Int64(workload.cpuQuota))
        (period, limit) = (UInt64(workload.cpuPeriod), Int64(workload.cpuLimit))
        let name = "\(workload.annotationPrefix)/\(container)"
        guard !workload.annotationPrefix.isEmpty, let text = annotations[name] else { return }
        // What the kernel takes for a period, and more processors than there are.
        guard let own = JSON.decode(Annotation.self, Array(text.utf8)), (own.cpuquota ?? 0) >= -1,
            (0...10_000_000).contains(own.cpulimit ?? 0), (1000...1_000_000).contains(own.cpuperiod ?? 1000)
        else {
            throw ServiceError(
                .invalid, "read annotation", name,
                "\"\(text)\" is not JSON of the form {\"cpushares\": 2, \"cpuset\": \"0\"}")
        }
        shares = own.cpushares ?? shares
        cpuset = own.cpuset ?? cpuset
        quota = own.cpuquota ?? quota
        period = own.cpuperiod ?? period
        limit = own.cpulimit ?? limit
    }

    /// The request's, with these in their place.
    func applied(to request: LinuxCPU?) -> LinuxCPU? {
        var cpu = request ?? LinuxCPU()
        if shares > 0 { cpu.shares = shares }
        if !cpuset.isEmpty { cpu.cpus = cpuset }
        if period > 0 { cpu.period = period }
        if quota != 0 { cpu.quota = quota }
        if limit > 0 {
            let period = cpu.period ?? 100_000
            cpu.period = period
            // The kernel takes no quota below a millisecond.
            let (product, isTooLong) = Int64(clamping: period).multipliedReportingOverflow(by: limit)
            cpu.quota = max(1000, (isTooLong ? .max : product) / 1000)
        }
        return cpu == LinuxCPU() ? nil : cpu
    }
}
