// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Cgroups

/// Who makes the cgroups of containers.
package enum CgroupManager: String, Sendable {
    /// The runtime, on the cgroup file systems.
    case cgroupfs
    /// systemd, as transient scopes.
    case systemd
    /// Nobody: the container stays in the caller's cgroup.
    case disabled

    /// The cgroup of a container, by default one of its name: below the root, or for others than root beside the own one,
    /// as far as that was delegated to them.
    func location(_ cgroupsPath: String?, _ id: String, isRootless: Bool = false) throws -> CgroupLocation {
        let path = cgroupsPath.flatMap { $0.isEmpty ? nil : $0 }
        switch self {
        case .cgroupfs:
            let location = try CgroupLayout.detect().location(path ?? "\(isRootless ? "" : "/")skiffrun-\(id)")
            return isRootless ? location.withinReach() : location
        case .systemd:
            let scope = try SystemdScope(cgroupsPath: path, id: id, isUser: isRootless)
            return try CgroupLayout.detect().location(scope)
        case .disabled: return CgroupLocation(mode: try CgroupLayout.detect().mode, subtrees: [])
        }
    }

    /// The properties of the unit that annotations ask for; those of systemd mean nothing to the others.
    func unitProperties(_ annotations: [String: String]) throws -> [UnitProperty] {
        self == .systemd ? try SystemdProperties.of(annotations: annotations) : []
    }
}
