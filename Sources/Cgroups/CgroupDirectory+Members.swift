// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

extension CgroupDirectory {
    /// Moves a process in; 0 is the caller.
    func add(_ pid: Int32) throws(CgroupError) {
        for attempt in 0... {
            do throws(CgroupError) {
                return try write("cgroup.procs", "\(pid)")
            } catch  where error.code == .system(.EINVAL) && attempt < 5 {
                // A task that clone has not finished (TASK_NEW) cannot be moved yet.
                _ = try? Syscall.poll(-1, for: [], milliseconds: 30)
            }
        }
    }

    /// Whether a process that enters stops, because this cgroup or one above it is frozen. Where the directory does not
    /// exist yet, the nearest one above tells.
    func stopsMembers(below mountPoint: String) throws(CgroupError) -> Bool {
        var nearest = self
        while !nearest.exists, let parent = nearest.parent, parent.path.count > mountPoint.count { nearest = parent }
        if let state = try nearest.read("freezer.state") { return state != "THAWED" }
        return CgroupCounters(try nearest.read("cgroup.events"))["frozen"] == 1
    }

    /// v1: FREEZING may last for ever while a member forks or sleeps uninterruptibly, so it is thawed now and then and
    /// frozen again.
    func freezeLegacy(milliseconds: Int32 = 10_000) throws(CgroupError) {
        var patience = Patience(milliseconds: milliseconds)
        for attempt in 1... {
            try write("freezer.state", "FROZEN")
            if try read("freezer.state") == "FROZEN" { return }
            guard patience.wait() else { break }
            if attempt.isMultiple(of: 16) { try write("freezer.state", "THAWED") }
        }
        try write("freezer.state", "THAWED")
        throw CgroupError(.busy, "freeze cgroup \"\(path)\": processes do not stop")
    }

    /// v1. A cgroup whose creation or removal was cut short may lack this hierarchy while it has others, and holds nothing
    /// frozen then.
    func thawLegacy() throws(CgroupError) {
        do throws(CgroupError) {
            try write("freezer.state", "THAWED")
        } catch {
            if exists { throw error }
        }
    }

    /// v2: the request stands, and `cgroup.events` tells when it is fulfilled.
    func freezeUnified(milliseconds: Int32 = 10_000) throws(CgroupError) {
        var patience = Patience(milliseconds: milliseconds)
        try write("cgroup.freeze", "1")
        repeat {
            if CgroupCounters(try read("cgroup.events"))["frozen"] == 1 { return }
        } while patience.wait()
        try write("cgroup.freeze", "0")
        throw CgroupError(.busy, "freeze cgroup \"\(path)\": processes do not stop")
    }
}
