// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Which cgroup hierarchies the host offers and where the calling process is in them. See cgroups(7).
package struct CgroupLayout: Hashable, Sendable {
    /// One mounted hierarchy.
    package struct Hierarchy: Hashable, Sendable {
        /// Controllers of a v1 hierarchy (`cpu`, `cpuacct`, or `name=systemd`); empty for the unified one.
        package var controllers: [String]
        /// Where it is mounted.
        package var mountPoint: String
        /// The cgroup that is the root of the mount; `/` unless only a part of the hierarchy is visible.
        package var root: String
        /// The calling process's cgroup, from the root of the hierarchy.
        package var ownPath: String

        /// Every property by name.
        package init(controllers: [String], mountPoint: String, root: String = "/", ownPath: String = "/") {
            self.controllers = controllers
            self.mountPoint = mountPoint
            self.root = root
            self.ownPath = ownPath
        }

        /// The directory of the calling process's cgroup.
        package var ownDirectory: String { directory(ofHierarchyPath: ownPath) }

        /// The directory of a cgroup whose path, from the root of the hierarchy, /proc/PID/cgroup tells.
        package func directory(ofHierarchyPath path: String) -> String {
            var path = path[...]
            if root != "/", path == root || path.hasPrefix(root + "/") { path = path.dropFirst(root.count) }
            return path == "/" ? mountPoint : mountPoint + path
        }
    }

    package var mode: CgroupMode
    /// v1 hierarchies in the order in which they were mounted; none on a v2 host.
    package var legacy: [Hierarchy]
    /// The unified hierarchy; absent on a v1 host.
    package var unified: Hierarchy?

    /// Every property by name.
    package init(mode: CgroupMode, legacy: [Hierarchy] = [], unified: Hierarchy? = nil) {
        self.mode = mode
        self.legacy = legacy
        self.unified = unified
    }
}

/// How a host arranges its hierarchies.
package enum CgroupMode: String, Codable, Hashable, Sendable {
    /// Only v1 hierarchies.
    case v1
    /// Controllers in v1 hierarchies beside a unified one, which is used to find and to end processes only.
    case hybrid
    /// The unified hierarchy with all controllers.
    case v2
}
