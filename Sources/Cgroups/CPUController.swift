// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

private import Glibc
package import OCIRuntimeSpec

/// CPU time. See Documentation/scheduler/sched-bwc.rst and cgroup-v2.rst of the kernel.
package enum CPUController: CgroupController {
    package static let name = "cpu"

    package static func legacyPlan(
        _ resources: LinuxResources, _ view: CgroupView
    ) throws(CgroupError) -> [CgroupWrite] {
        guard let cpu = resources.cpu else { return [] }
        var plan: [CgroupWrite] = []
        if let shares = given(cpu.shares) {
            try check(shares: shares)
            plan.append(write("cpu.shares", shares))
        }
        // Quota per period must fit the parent's, burst must fit the quota; which write comes first depends on the
        // direction of the change.
        let hasQuota = given(cpu.quota) != nil
        if let period = given(cpu.period) { plan.append(write("cpu.cfs_period_us", period, retried: hasQuota)) }
        if let burst = cpu.burst, burst != 0 || view.has("cpu.cfs_burst_us") {
            plan.append(write("cpu.cfs_burst_us", burst, retried: hasQuota))
        }
        if let quota = given(cpu.quota), quota > 0 || view.has("cpu.cfs_quota_us") {
            plan.append(write("cpu.cfs_quota_us", quota, retried: true))
        }
        if let idle = cpu.idle, idle != 0 || view.has("cpu.idle") { plan.append(write("cpu.idle", idle)) }
        if let period = given(cpu.realtimePeriod) {
            plan.append(write("cpu.rt_period_us", period, retried: given(cpu.realtimeRuntime) != nil))
        }
        if let runtime = given(cpu.realtimeRuntime) { plan.append(write("cpu.rt_runtime_us", runtime)) }
        return plan
    }

    /// The kernel would clamp silently.
    private static func check(shares: UInt64) throws(CgroupError) {
        if shares < 2 { throw CgroupError(.invalid, "the minimum allowed cpu-shares is 2") }
        if shares > 262_144 { throw CgroupError(.invalid, "the maximum allowed cpu-shares is 262144") }
    }

    package static func unifiedPlan(
        _ resources: LinuxResources, _ view: CgroupView
    ) throws(CgroupError) -> [CgroupWrite] {
        guard let cpu = resources.cpu else { return [] }
        var plan: [CgroupWrite] = []
        if let idle = cpu.idle, idle != 0 || view.has("cpu.idle") { plan.append(write("cpu.idle", idle)) }
        // The weight of an idle cgroup cannot be set.
        if let shares = given(cpu.shares), cpu.idle != 1 { plan.append(write("cpu.weight", weight(shares: shares))) }
        let maximum = unifiedMaximum(cpu, view)
        if let burst = cpu.burst, burst != 0 || view.has("cpu.max.burst") {
            plan.append(write("cpu.max.burst", burst, retried: maximum != nil))
        }
        if let maximum, maximum != "max" || view.has("cpu.max") { plan.append(write("cpu.max", maximum)) }
        return plan
    }

    /// The line of `cpu.max`: quota, then period. What is not given keeps its value.
    private static func unifiedMaximum(_ cpu: LinuxCPU, _ view: CgroupView) -> String? {
        let quota = given(cpu.quota).map { $0 < 0 ? "max" : "\($0)" }
        guard let period = given(cpu.period) else { return quota }
        let current = view.read("cpu.max")?.split(separator: " ").first.map(String.init)
        return "\(quota ?? current ?? "max") \(period)"
    }

    /// Shares 2...262144 as weight 1...10000, with 1024 as 100: the quadratic conversion that OCI runtimes agreed on in
    /// 2025, after the linear one had given containers a fraction of the weight of plain processes.
    static func weight(shares: UInt64) -> UInt64 {
        if shares <= 2 { return 1 }
        if shares >= 262_144 { return 10_000 }
        let logarithm = log2(Double(shares))
        let exponent = (logarithm * logarithm + 125 * logarithm) / 612 - 7.0 / 34.0
        return UInt64(pow(10, exponent).rounded(.up))
    }

    private static func given<Value: FixedWidthInteger>(_ value: Value?) -> Value? { value == 0 ? nil : value }
}
