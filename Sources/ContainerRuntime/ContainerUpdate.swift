// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Cgroups
internal import Linux
package import OCIRuntimeSpec

/// What `update` was asked for.
package struct UpdateRequest: Sendable {
    /// What they do not mention stays as it is.
    package var resources = LinuxResources()
    /// Lines for resctrl(8): of the L3 cache, and of memory bandwidth.
    package var cacheSchema: String?
    package var bandwidthSchema: String?

    package init() {}
}

extension Container {
    /// Changes the limits while the container runs, and remembers them. On failure the old ones hold.
    package func update(_ request: UpdateRequest) throws {
        switch try status() {
        case .created, .running, .paused: break
        case .creating, .stopped: throw RuntimeError.notRunning
        }
        let old = try store.loadResources(id)
        let merged = old.updated(with: request.resources)
        var change = request.resources
        // v2 counts swap apart from memory, so the sum alone says nothing.
        if change.memory?.swap != nil, change.memory?.limit == nil { change.memory?.limit = merged.memory?.limit }
        if change.devices != nil { change = DeviceAccessRules.completing(change) }
        let schemata = try request.schemata()
        if schemata != nil, record.resctrl == nil {
            throw RuntimeError("container \(id) has no intelRdt group whose schemata could be changed")
        }
        // Remembered first: with a full disk nothing changes.
        try store.saveResources(id, merged)
        do {
            try cgroup.update(change)
            if let schemata { try record.resctrl?.write(schemata) }
        } catch {
            // What the kernel said is the one to tell.
            try? store.saveResources(id, old)
            throw error
        }
    }

    /// All that the kernel counts of the container.
    func metrics() throws -> CgroupMetrics { try cgroup.metrics() }
}

extension UpdateRequest {
    /// What `schemata` of the container's group in resctrl is to hold; nil for no change. Refuses what the kernel does not
    /// share out. See Documentation/filesystems/resctrl.rst of Linux.
    fileprivate func schemata() throws -> String? {
        let wanted = [
            (cacheSchema, "L3", "Intel RDT/CAT: l3 cache schema is not enabled"),
            (bandwidthSchema, "MB", "Intel RDT/MBA: memory bandwidth schema is not enabled"),
        ]
        var lines: [String] = []
        for (line, resource, refusal) in wanted {
            guard let line, !line.isEmpty else { continue }
            guard Syscall.exists("/sys/fs/resctrl/info/\(resource)") else { throw RuntimeError(refusal) }
            lines.append(line)
        }
        return lines.isEmpty ? nil : lines.joined(separator: "\n")
    }
}
