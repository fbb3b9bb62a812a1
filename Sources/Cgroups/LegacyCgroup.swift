// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
package import OCIRuntimeSpec

/// A cgroup in v1 hierarchies, and in the unified one beside them where the host is hybrid.
///
/// On a hybrid host the unified hierarchy only lists the members and ends them in one step; controllers that it may have
/// are left alone, as runc does.
package struct LegacyCgroup: CgroupDriver {
    package let location: CgroupLocation

    init(_ location: CgroupLocation) { self.location = location }

    package var unified: CgroupDirectory? { location.unified.map { CgroupDirectory($0) } }

    /// The unified hierarchy cannot miss a process. Without it, any other: members are in all of them. Where the unified
    /// one has no such cgroup, another one may have it all the same: crun makes those of v1 alone.
    package var members: CgroupDirectory {
        if let unified, unified.exists { return unified }
        let others = ["name=systemd", "pids", "devices", "freezer"].compactMap { directory($0) }
        // A layout without any hierarchy is never built.
        return others.first(where: \.exists) ?? unified ?? others.first
            ?? CgroupDirectory(location.subtrees.first?.directory ?? "/nonexistent")
    }

    package var oomEventsFile: String? { location.directory(controller: "memory").map { "\($0)/memory.oom_control" } }

    private func directory(_ controller: String) -> CgroupDirectory? {
        location.directory(controller: controller).map { CgroupDirectory($0) }
    }

    package func create() throws(CgroupError) {
        var made: [CgroupDirectory] = []
        do throws(CgroupError) {
            for subtree in location.subtrees {
                try CgroupDirectory(subtree.directory).create(below: subtree.mountPoint) {
                    directory throws(CgroupError) in
                    made.append(directory)
                    if subtree.controllers.contains(CpusetController.name) {
                        try Self.inheritCpuset(directory, below: subtree.mountPoint)
                    }
                }
            }
        } catch {
            for directory in made.reversed() { directory.removeIfEmpty() }
            throw error
        }
    }

    /// The parent may be one that somebody else has just made and not yet filled: then this fills it.
    private static func inheritCpuset(_ directory: CgroupDirectory, below mountPoint: String) throws(CgroupError) {
        guard directory.path.count > mountPoint.count, let parent = directory.parent else { return }
        if !CpusetController.isFilled(CgroupView(parent)) { try inheritCpuset(parent, below: mountPoint) }
        let view = CgroupView(directory)
        try directory.carryOut(CpusetController.inheritancePlan(view, parent: CgroupView(parent)))
    }

    package func apply(_ resources: LinuxResources) throws(CgroupError) {
        try UnifiedResources.refuse(resources)
        try UnenforceableLimits.refuse(resources, unified: false)
        for controller in CgroupControllers.legacy {
            guard let directory = directory(controller.name) else {
                guard try controller.legacyPlan(resources, CgroupView()).isEmpty else { throw controller.missing }
                continue
            }
            let plan = try controller.legacyPlan(resources, CgroupView(directory))
            try carryOut(plan, resources, directory)
        }
    }

    private func carryOut(
        _ plan: [CgroupWrite], _ resources: LinuxResources, _ directory: CgroupDirectory
    ) throws(CgroupError) {
        do throws(CgroupError) {
            try directory.carryOut(plan)
        } catch  where error.code == .system(.EBUSY) && plan.contains(where: { $0.controller == MemoryController.name })
        {
            throw Self.limitBelowUse(resources, CgroupView(directory), error)
        }
    }

    package func update(_ resources: LinuxResources) throws(CgroupError) {
        try UnifiedResources.refuse(resources)
        try UnenforceableLimits.refuse(resources, unified: false)
        // Everything is checked before anything is written. Device rules come last: nothing has to bring them back.
        var changes: [(directory: CgroupDirectory, plan: [CgroupWrite], snapshot: LimitSnapshot)] = []
        for controller in CgroupControllers.legacy where controller != DevicesController.self {
            let directory = directory(controller.name)
            let view = directory.map { CgroupView($0) } ?? CgroupView()
            let plan = try controller.legacyPlan(resources, view)
            if plan.isEmpty { continue }
            guard let directory else { throw controller.missing }
            changes.append((directory, plan, LimitSnapshot(before: plan, view)))
        }
        if resources.devices != nil, directory(DevicesController.name) == nil { throw DevicesController.missing }
        var begun = 0
        do throws(CgroupError) {
            for change in changes {
                begun += 1
                try carryOut(change.plan, resources, change.directory)
            }
            try updateDevices(resources)
        } catch {
            // The first failure is the one to tell.
            for change in changes.prefix(begun).reversed() { try? change.directory.carryOut(change.snapshot.writes) }
            throw error
        }
    }

    private func updateDevices(_ resources: LinuxResources) throws(CgroupError) {
        guard let directory = directory(DevicesController.name) else { return }
        let plan = try DevicesController.legacyPlan(resources, CgroupView(directory))
        // From "all but" to "none but" and back the kernel knows only the way over nothing at all, and empties its list
        // before it changes the default: members stand still meanwhile.
        let passesNothing = plan.contains { $0.value == "a" }
        let mustStop = passesNothing ? try !isFrozen() : false
        if mustStop { try freeze() }
        do throws(CgroupError) {
            try directory.carryOut(plan)
        } catch {
            if mustStop { try thaw() }
            throw error
        }
        if mustStop { try thaw() }
    }

    /// EBUSY of a memory limit: the kernel could not reclaim enough.
    private static func limitBelowUse(_ resources: LinuxResources, _ view: CgroupView, _ error: CgroupError)
        -> CgroupError
    {
        guard let limit = resources.memory?.limit, let use = view.number("memory.usage_in_bytes"),
            let peak = view.number("memory.max_usage_in_bytes")
        else { return error }
        return CgroupError(
            .busy, "unable to set memory limit to \(limit) (current usage: \(use), peak usage: \(peak))")
    }

    package func add(_ pid: Int32) throws(CgroupError) {
        for subtree in location.subtrees { try CgroupDirectory(subtree.directory).add(pid) }
    }

    package func freeze() throws(CgroupError) {
        guard let freezer = directory("freezer") else {
            guard let unified else { throw CgroupError(.missingController, "cannot freeze: no freezer controller") }
            return try unified.freezeUnified()
        }
        try freezer.freezeLegacy()
    }

    package func thaw() throws(CgroupError) {
        if let freezer = directory("freezer") {
            try freezer.thawLegacy()
        } else if let unified {
            try unified.write("cgroup.freeze", "0")
        }
    }

    package func isFrozen() throws(CgroupError) -> Bool {
        if let freezer = directory("freezer") {
            // An own state only: where a parent is frozen, thawing this one does nothing.
            return try freezer.read("freezer.self_freezing") == "1"
        }
        return try unified?.read("cgroup.freeze") == "1"
    }

    package func stats() throws(CgroupError) -> CgroupStats {
        var stats = CgroupStats()
        if let view = directory(MemoryController.name).map({ CgroupView($0) }) { stats.memory = Self.memory(view) }
        stats.cpu = cpu()
        stats.pids = directory(PidsController.name).flatMap { CgroupView($0).pids }
        return stats
    }

    private static func memory(_ view: CgroupView) -> CgroupStats.Memory? {
        guard let usage = view.number("memory.usage_in_bytes") else { return nil }
        let counters = view.counters("memory.stat")
        // Unlimited is the largest multiple of the page size.
        func limit(_ file: String) -> UInt64? { view.number(file).flatMap { $0 >= 1 << 62 ? nil : $0 } }
        var memory = CgroupStats.Memory(
            usage: usage, limit: limit("memory.limit_in_bytes"), inactiveFile: counters["total_inactive_file"],
            rss: counters["total_rss"], pageFaults: counters["total_pgfault"],
            majorPageFaults: counters["total_pgmajfault"])
        if let both = view.number("memory.memsw.usage_in_bytes") {
            memory.swapUsage = both > usage ? both - usage : 0
        }
        if let both = limit("memory.memsw.limit_in_bytes"), let limit = memory.limit, both >= limit {
            memory.swapLimit = both - limit
        }
        memory.oomKills = view.counters("memory.oom_control")["oom_kill"]
        return memory
    }

    private func cpu() -> CgroupStats.CPU? {
        guard let usage = directory("cpuacct").flatMap({ CgroupView($0).number("cpuacct.usage") }) else { return nil }
        let counters = directory(CPUController.name).map { CgroupView($0).counters("cpu.stat") }
        return CgroupStats.CPU(
            usageNanoseconds: usage, throttledPeriods: counters?["nr_throttled"] ?? 0,
            throttledNanoseconds: counters?["throttled_time"] ?? 0)
    }
}
