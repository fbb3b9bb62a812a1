// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import OCIRuntimeSpec

/// Which share of caches and memory bandwidth the container gets: `linux.intelRdt`. See "IntelRdt" in config-linux.md of
/// the runtime specification.
package struct ResctrlPlan: Hashable, Sendable {
    /// Name of the group, `/` for the root one; nil for one of the container's own.
    package var group: String?
    /// Lines of `l3CacheSchema` and `memBwSchema`. A group that is there already must have them.
    package var lines: [String]
    /// What `schemata` says, written after the lines, whether the group is there already or not.
    package var schemata: String?
    package var monitors: Bool

    init(_ spec: LinuxIntelRdt) throws(PlanError) {
        group = spec.closID.flatMap { $0.isEmpty ? nil : $0 }
        if let group, group != "/" {
            guard group != ".", group != "..", !group.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 < 0x20 })
            else {
                throw PlanError("invalid intelRdt.closID \"\(group)\"")
            }
        }
        let bandwidth = spec.memBwSchema.flatMap { $0.isEmpty ? nil : $0 }
        if let bandwidth, !bandwidth.hasPrefix("MB:") || bandwidth.contains("\n") {
            throw PlanError("intelRdt.memBwSchema \"\(bandwidth)\" must be one line that begins with MB:")
        }
        let cache = (spec.l3CacheSchema ?? "").split(separator: "\n").map(String.init)
        // The bandwidth has a property of its own, which wins.
        lines = cache.filter { bandwidth == nil || !$0.hasPrefix("MB:") } + (bandwidth.map { [$0] } ?? [])
        schemata = spec.schemata.flatMap { $0.isEmpty ? nil : $0.joined(separator: "\n") }
        monitors = spec.enableMonitoring ?? false
    }

    var hasSchemata: Bool { !lines.isEmpty || schemata != nil }
}
