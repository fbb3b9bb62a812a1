// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
package import OCIRuntimeSpec

/// A cgroup that systemd makes, as a scope, and delegates to us. systemd knows the limits; we set what it has no word for,
/// and do all the rest, on the cgroup's files. See "Control Group APIs and Delegation" of systemd.
package struct SystemdCgroup: CgroupDriver {
    package let location: CgroupLocation
    private let scope: SystemdScope
    private let files: any CgroupDriver

    init(_ location: CgroupLocation, _ scope: SystemdScope, _ files: any CgroupDriver) {
        self.location = location
        self.scope = scope
        self.files = files
    }

    package var unified: CgroupDirectory? { files.unified }
    package var members: CgroupDirectory { files.members }
    package var oomEventsFile: String? { files.oomEventsFile }

    /// A scope without a process cannot be.
    package var needsMember: Bool { true }

    /// Only the directories that systemd leaves out: controllers of v1 that it does not manage.
    package func create() throws(CgroupError) { try files.create() }

    package func establish(
        _ resources: LinuxResources, member: Int32?, properties: [UnitProperty]
    ) throws(CgroupError) {
        guard let member else { throw CgroupError(.invalid, "start systemd unit \"\(scope.unit)\": no process for it") }
        var manager = try SystemdManager.connect(user: scope.isUser)
        let host = try host(&manager, resources)
        let all =
            SystemdProperties.ofNewScope(scope, member: member, mode: location.mode)
            + (try SystemdProperties.of(resources, host)) + properties
        do throws(CgroupError) {
            try manager.startTransientUnit(scope.unit, all)
        } catch  where error.code == .bus("org.freedesktop.systemd1.UnitExists") {
            // A former one that failed is remembered under the name; one that lives stays in the way.
            try manager.resetFailed(scope.unit)
            try manager.startTransientUnit(scope.unit, all)
        }
        try files.create()
        if location.mode != .v2 { try files.add(member) }
        try files.apply(resources)
    }

    package func apply(_ resources: LinuxResources) throws(CgroupError) {
        var manager = try SystemdManager.connect(user: scope.isUser)
        let properties = try SystemdProperties.of(resources, host(&manager, resources))
        if !properties.isEmpty { try change(properties, &manager, resources) }
        try files.apply(resources)
    }

    /// The files first, for a failure there is undone; then systemd, which rounds; then the files' finer values again.
    package func update(_ resources: LinuxResources) throws(CgroupError) {
        try files.update(resources)
        try apply(resources)
    }

    /// In v1 systemd denies all devices before it allows those of the list again; the processes shall not notice.
    private func change(
        _ properties: [UnitProperty], _ manager: inout SystemdManager, _ resources: LinuxResources
    ) throws(CgroupError) {
        guard location.mode != .v2, resources.devices != nil, try !files.isFrozen() else {
            return try manager.setProperties(scope.unit, properties)
        }
        try files.freeze()
        do throws(CgroupError) {
            try manager.setProperties(scope.unit, properties)
        } catch {
            try? files.thaw()
            throw error
        }
        try files.thaw()
    }

    /// The version is asked for only where it matters.
    private func host(
        _ manager: inout SystemdManager, _ resources: LinuxResources
    ) throws(CgroupError) -> SystemdProperties.Host {
        let matters = resources.cpu != nil || resources.unified != nil
        let devices = resources.devices == nil ? "" : try? Syscall.readText("/proc/devices")
        return SystemdProperties.Host(
            mode: location.mode, version: matters ? try manager.version() : 0, devices: devices ?? "")
    }

    package func add(_ pid: Int32) throws(CgroupError) { try files.add(pid) }
    package func freeze() throws(CgroupError) { try files.freeze() }
    package func thaw() throws(CgroupError) { try files.thaw() }
    package func isFrozen() throws(CgroupError) -> Bool { try files.isFrozen() }
    package func stats() throws(CgroupError) -> CgroupStats { try files.stats() }
    package func metrics() throws(CgroupError) -> CgroupMetrics { try files.metrics() }

    /// systemd removes an empty scope by itself; it is told all the same, for it may have failed or not have noticed.
    package func delete(milliseconds: Int32) throws(CgroupError) {
        var manager = try SystemdManager.connect(user: scope.isUser)
        try manager.stop(scope.unit)
        try manager.resetFailed(scope.unit)
        try files.delete(milliseconds: milliseconds)
    }
}
