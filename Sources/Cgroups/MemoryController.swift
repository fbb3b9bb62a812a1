// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import OCIRuntimeSpec

/// Memory limits. See Documentation/admin-guide/cgroup-v1/memory.rst and cgroup-v2.rst of the kernel.
package enum MemoryController: CgroupController {
    package static let name = "memory"

    // As in runc, 0 means that a limit is not given: kubelet and others send it so.
    private static let limitV1 = "memory.limit_in_bytes"
    private static let swapV1 = "memory.memsw.limit_in_bytes"

    package static func legacyPlan(
        _ resources: LinuxResources, _ view: CgroupView
    ) throws(CgroupError) -> [CgroupWrite] {
        guard let memory = resources.memory else { return [] }
        try checkUse(memory, use: view.number("memory.usage_in_bytes"))
        var plan = limits(memory, view)
        if let reservation = given(memory.reservation), reservation >= 0 || view.has("memory.soft_limit_in_bytes") {
            plan.append(write("memory.soft_limit_in_bytes", reservation))
        }
        if memory.disableOOMKiller == true { plan.append(write("memory.oom_control", 1)) }
        if let swappiness = memory.swappiness {
            guard swappiness <= 100 else {
                throw CgroupError(
                    .invalid, "invalid memory swappiness value: \(swappiness) (valid range is 0-100)")
            }
            plan.append(write("memory.swappiness", swappiness))
        }
        return plan
    }

    /// Memory must never be above memory and swap together, at no moment of an update.
    private static func limits(_ memory: LinuxMemory, _ view: CgroupView) -> [CgroupWrite] {
        var limit = given(memory.limit)
        var swap = given(memory.swap)
        // Unlimited memory without a word on swap means both; a limit of swap would be in the way.
        if limit == -1, swap == nil { swap = -1 }
        // Without swap accounting the file is absent. Then nothing can be swapped at our cost: equal is right already.
        if !view.has(swapV1), swap == -1 || swap == limit { swap = nil }
        if limit == -1, !view.has(limitV1) { limit = nil }
        let first = limit.map { write(limitV1, $0) }
        let second = swap.map { write(swapV1, $0) }
        let current = view.number(limitV1) ?? .max
        if let swap, swap == -1 || current < UInt64(clamping: swap) { return [second, first].compactMap(\.self) }
        return [first, second].compactMap(\.self)
    }

    package static func unifiedPlan(
        _ resources: LinuxResources, _ view: CgroupView
    ) throws(CgroupError) -> [CgroupWrite] {
        guard let memory = resources.memory else { return [] }
        try checkUse(memory, use: view.number("memory.current"))
        var plan: [CgroupWrite] = []
        if let swap = try unifiedSwap(memory) {
            // A kernel without swap has no such file, and no swap and all swap mean the same there.
            if view.has("memory.swap.max") || swap > 0 { plan.append(write("memory.swap.max", text(swap))) }
        }
        if let limit = given(memory.limit), limit != -1 || view.has("memory.max") {
            plan.append(write("memory.max", text(limit)))
        }
        if let reservation = given(memory.reservation), reservation != -1 || view.has("memory.low") {
            plan.append(write("memory.low", text(reservation)))
        }
        return plan
    }

    /// v1 counts memory and swap together, v2 swap alone. nil leaves the value alone, -1 is unlimited.
    static func unifiedSwap(_ memory: LinuxMemory) throws(CgroupError) -> Int64? {
        switch (given(memory.swap), given(memory.limit)) {
        case (nil, -1): return -1
        case (nil, _): return nil
        case (-1, _): return -1
        case (_, nil), (_, -1): throw CgroupError(.invalid, "unable to set swap limit without memory limit")
        case (let swap?, let limit?):
            guard limit >= 0, swap >= limit else {
                throw CgroupError(.invalid, "memory+swap limit should be >= memory limit")
            }
            return swap - limit
        }
    }

    /// `checkBeforeUpdate`: a limit below the use would make the kernel kill or refuse.
    private static func checkUse(_ memory: LinuxMemory, use: UInt64?) throws(CgroupError) {
        guard memory.checkBeforeUpdate == true, let use, let limit = given(memory.limit), limit > 0 else { return }
        guard use < UInt64(limit) else {
            throw CgroupError(.invalid, "rejecting memory limit \(limit) <= usage \(use)")
        }
    }

    private static func given(_ value: Int64?) -> Int64? { value == 0 ? nil : value }

    private static func text(_ value: Int64) -> String { value < 0 ? "max" : "\(value)" }
}
