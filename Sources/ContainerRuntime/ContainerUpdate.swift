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
        let schemata = try CacheSchemata(request, container: self)
        // Remembered first: with a full disk nothing changes.
        try store.saveResources(id, merged)
        do {
            try cgroup.update(change)
            try schemata?.write()
        } catch {
            // What the kernel said is the one to tell.
            try? store.saveResources(id, old)
            throw error
        }
    }

    /// All that the kernel counts of the container.
    func metrics() throws -> CgroupMetrics { try cgroup.metrics() }
}

/// Allocations of cache and memory bandwidth. See Documentation/arch/x86/resctrl.rst of the kernel.
struct CacheSchemata {
    let path: String
    let text: String

    /// nil when nothing is to be written.
    init?(_ request: UpdateRequest, container: Container) throws {
        let root = "/sys/fs/resctrl"
        var lines: [String] = []
        if let line = request.cacheSchema, !line.isEmpty {
            guard Syscall.exists("\(root)/info/L3") else {
                throw RuntimeError("Intel RDT/CAT: l3 cache schema is not enabled")
            }
            lines.append(line)
        }
        if let line = request.bandwidthSchema, !line.isEmpty {
            guard Syscall.exists("\(root)/info/MB") else {
                throw RuntimeError("Intel RDT/MBA: memory bandwidth schema is not enabled")
            }
            lines.append(line)
        }
        guard !lines.isEmpty else { return nil }
        let spec = try BundleConfiguration.parse(try container.store.loadConfiguration(container.id), "config.json")
        guard let group = spec.linux?.intelRdt else {
            throw RuntimeError("container \(container.id) has no intelRdt group whose schemata could be changed")
        }
        path = "\(root)/\(group.closID ?? container.id)/schemata"
        text = lines.joined(separator: "\n") + "\n"
    }

    func write() throws {
        try SystemError.attempt("write", path) { () throws(Errno) in try Syscall.writeExisting(path, text) }
    }
}
