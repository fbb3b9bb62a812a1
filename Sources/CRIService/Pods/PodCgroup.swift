// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Cgroups

/// A pod's cgroup, and what those in it are called. Its path tells who made it, also after the setting was changed.
struct PodCgroup: Hashable, Sendable {
    static let suffix = ".slice"

    /// From the root of the hierarchy.
    var path: String
    /// Whether it is the daemon's to make and to remove.
    var isOwn: Bool

    var driver: CgroupNaming.Driver { path.hasSuffix(Self.suffix) ? .systemd : .cgroupfs }

    /// Where a container's processes are.
    func container(_ id: String) -> String { child(id) }

    /// Where the monitor of the pod is.
    func monitor(of podID: String) -> String {
        switch driver {
        case .cgroupfs: child("monitor")
        case .systemd: child("monitor-\(podID)")
        }
    }

    /// `linux.cgroupsPath` of a container: `slice:prefix:name` for systemd.
    func cgroupsPath(container id: String) -> String {
        switch driver {
        case .cgroupfs: container(id)
        case .systemd: "\(Self.lastName(path)):skiff:\(id)"
        }
    }

    private func child(_ name: String) -> String {
        switch driver {
        case .cgroupfs: "\(path)/\(name)"
        case .systemd: "\(path)/skiff-\(name).scope"
        }
    }

    static func lastName(_ path: String) -> Substring { path.split(separator: "/").last ?? "" }
}

extension CgroupLayout {
    /// The driver of a cgroup that a pod's naming has made: systemd's for its units.
    func driver(_ path: String) throws(CgroupError) -> any CgroupDriver {
        var location = try location(path)
        location.scope = SystemdScope(path: path)
        return location.driver()
    }
}
