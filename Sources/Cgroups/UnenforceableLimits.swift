// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import OCIRuntimeSpec

/// Limits that no file of the cgroup takes. They are refused: a limit that nobody enforces is worse than none.
package enum UnenforceableLimits {
    /// Throws for the first one. Values that ask for nothing pass: 0 and unlimited, as everywhere here.
    package static func refuse(_ resources: LinuxResources, unified: Bool) throws(CgroupError) {
        try refuseEverywhere(resources)
        if unified { try refuseOnUnified(resources) }
    }

    private static func refuseEverywhere(_ resources: LinuxResources) throws(CgroupError) {
        let memory = resources.memory
        // Since Linux 5.16 and 6.11 there is one limit for all memory.
        if (memory?.kernel ?? 0) > 0 { throw refusal("memory.kernel", "Linux has no separate limit of kernel memory") }
        if (memory?.kernelTCP ?? 0) > 0 {
            throw refusal("memory.kernelTCP", "Linux has no separate limit of kernel memory")
        }
        if memory?.useHierarchy == false {
            throw refusal("memory.useHierarchy", "hierarchical accounting cannot be turned off")
        }
        for (device, limit) in (resources.rdma ?? [:]).sorted(by: { $0.key < $1.key })
        where limit.hcaHandles == nil && limit.hcaObjects == nil {
            throw refusal("rdma", "device \"\(device)\" has neither hcaHandles nor hcaObjects")
        }
        let weights = [resources.blockIO?.weight] + (resources.blockIO?.weightDevice ?? []).map(\.weight)
        for weight in weights.compactMap(\.self) where weight != 0 && !(10...1000).contains(weight) {
            throw refusal("blockIO.weight", "\(weight) is out of range 10 to 1000")
        }
    }

    /// What v1 has and v2 has not.
    private static func refuseOnUnified(_ resources: LinuxResources) throws(CgroupError) {
        let reason = "cgroup v2 has no such limit"
        if resources.memory?.swappiness != nil { throw refusal("memory.swappiness", reason) }
        if resources.memory?.disableOOMKiller == true { throw refusal("memory.disableOOMKiller", reason) }
        if (resources.cpu?.realtimeRuntime ?? 0) != 0 { throw refusal("cpu.realtimeRuntime", reason) }
        if (resources.cpu?.realtimePeriod ?? 0) != 0 { throw refusal("cpu.realtimePeriod", reason) }
        let leaves = [resources.blockIO?.leafWeight] + (resources.blockIO?.weightDevice ?? []).map(\.leafWeight)
        if leaves.contains(where: { ($0 ?? 0) != 0 }) { throw refusal("blockIO.leafWeight", reason) }
    }

    private static func refusal(_ property: String, _ reason: String) -> CgroupError {
        CgroupError(.invalid, "linux.resources.\(property) is not supported: \(reason)")
    }
}
