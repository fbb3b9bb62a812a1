// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
package import OCIRuntimeSpec

/// A cgroup of the unified hierarchy. See Documentation/admin-guide/cgroup-v2.rst of the kernel.
package struct UnifiedCgroup: CgroupDriver {
    package let location: CgroupLocation
    private let directory: CgroupDirectory
    private let mountPoint: String

    init(_ location: CgroupLocation) {
        self.location = location
        let subtree = location.subtrees.first { $0.controllers.isEmpty }
        // A v2 location always has the unified hierarchy.
        directory = CgroupDirectory(subtree?.directory ?? "/nonexistent")
        mountPoint = subtree?.mountPoint ?? "/nonexistent"
    }

    package var unified: CgroupDirectory? { directory }
    package var members: CgroupDirectory { directory }
    package var oomEventsFile: String? { "\(directory.path)/memory.events" }

    package func create() throws(CgroupError) {
        var made: [CgroupDirectory] = []
        do throws(CgroupError) {
            try directory.create(below: mountPoint) { made.append($0) }
            try handDownControllers()
        } catch {
            for directory in made.reversed() { directory.removeIfEmpty() }
            throw error
        }
    }

    /// Enables, from the root down to the parent, every controller for the cgroups below. What a level refuses is
    /// missing further down; that is an error only when a limit asks for it.
    private func handDownControllers() throws(CgroupError) {
        var levels: [CgroupDirectory] = []
        var level = directory.parent
        while let current = level, current.path.count >= mountPoint.count {
            levels.append(current)
            level = current.parent
        }
        for level in levels.reversed() {
            let enabled = (try level.read("cgroup.subtree_control") ?? "").split(separator: " ")
            let wanted = (try level.read("cgroup.controllers") ?? "").split(separator: " ")
                .filter { !enabled.contains($0) }
            if wanted.isEmpty { continue }
            do throws(CgroupError) {
                try level.write("cgroup.subtree_control", wanted.map { "+\($0)" }.joined(separator: " "))
            } catch {
                // The write is all or nothing, so one controller that is in use elsewhere spoils the others.
                for controller in wanted { try? level.write("cgroup.subtree_control", "+\(controller)") }
            }
        }
    }

    package func apply(_ resources: LinuxResources) throws(CgroupError) {
        try UnenforceableLimits.refuse(resources, unified: true)
        let view = CgroupView(directory)
        for controller in CgroupControllers.unified {
            try carryOut(controller.unifiedPlan(resources, view)) { available, _ in
                available.contains(controller.unifiedName[...]) ? nil : controller.missing
            }
        }
        if let rules = resources.devices { try DeviceProgram(DeviceRule.parse(rules)).attach(to: directory) }
        try carryOut(UnifiedResources.plan(resources)) { available, missing in
            UnifiedResources.missing(missing, available: available)
        }
    }

    package func update(_ resources: LinuxResources) throws(CgroupError) {
        try UnenforceableLimits.refuse(resources, unified: true)
        let view = CgroupView(directory)
        var changes: [(controller: (any CgroupController.Type)?, plan: [CgroupWrite])] = []
        for controller in CgroupControllers.unified {
            changes.append((controller, try controller.unifiedPlan(resources, view)))
        }
        changes.append((nil, try UnifiedResources.plan(resources)))
        let devices = try resources.devices.map { rules throws(CgroupError) in
            DeviceProgram(try DeviceRule.parse(rules))
        }
        var undo: [[CgroupWrite]] = []
        do throws(CgroupError) {
            for (controller, plan) in changes where !plan.isEmpty {
                undo.append(LimitSnapshot(before: plan, view).writes)
                try carryOut(plan) { available, missing in
                    guard let controller else { return UnifiedResources.missing(missing, available: available) }
                    return available.contains(controller.unifiedName[...]) ? nil : controller.missing
                }
            }
            // The last step, in one piece: nothing has to bring the old rules back.
            try devices?.attach(to: directory)
        } catch {
            // The first failure is the one to tell.
            for writes in undo.reversed() { try? directory.carryOut(writes) }
            throw error
        }
    }

    /// Carries the plan out; a file that is absent is explained by the controllers that the cgroup has.
    private func carryOut(
        _ plan: [CgroupWrite], explain: (_ available: [Substring], _ write: CgroupWrite) -> CgroupError?
    ) throws(CgroupError) {
        do throws(CgroupError) {
            try directory.carryOut(plan)
        } catch  where error.code == .system(.ENOENT) {
            let available = (try directory.read("cgroup.controllers") ?? "").split(separator: " ")
            let absent = plan.first { !directory.has($0.file) }
            if let absent, let explained = explain(available, absent) { throw explained }
            throw error
        }
    }

    package func add(_ pid: Int32) throws(CgroupError) { try directory.add(pid) }

    package func freeze() throws(CgroupError) { try directory.freezeUnified() }

    package func thaw() throws(CgroupError) { try directory.write("cgroup.freeze", "0") }

    package func isFrozen() throws(CgroupError) -> Bool { try directory.read("cgroup.freeze") == "1" }

    package func stats() throws(CgroupError) -> CgroupStats {
        let view = CgroupView(directory)
        var stats = CgroupStats()
        stats.memory = Self.memory(view)
        let cpu = view.counters("cpu.stat")
        stats.cpu = CgroupStats.CPU(
            usageNanoseconds: cpu["usage_usec"] * 1000, throttledPeriods: cpu["nr_throttled"],
            throttledNanoseconds: cpu["throttled_usec"] * 1000)
        stats.pids = view.pids
        return stats
    }

    private static func memory(_ view: CgroupView) -> CgroupStats.Memory? {
        guard let usage = view.number("memory.current") else { return nil }
        let counters = view.counters("memory.stat")
        return CgroupStats.Memory(
            usage: usage, limit: view.number("memory.max"), inactiveFile: counters["inactive_file"],
            rss: counters["anon"], pageFaults: counters["pgfault"], majorPageFaults: counters["pgmajfault"],
            swapUsage: view.number("memory.swap.current"), swapLimit: view.number("memory.swap.max"),
            oomKills: view.counters("memory.events")["oom_kill"])
    }
}
