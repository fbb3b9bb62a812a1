// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// One cgroup: its directory in every hierarchy of the host.
///
/// A runtime keeps it in its state, for a relative path means something else to a later caller.
package struct CgroupLocation: Codable, Hashable, Sendable {
    /// The cgroup in one hierarchy.
    package struct Subtree: Codable, Hashable, Sendable {
        /// Controllers of a v1 hierarchy; empty for the unified one.
        package var controllers: [String]
        /// Where the hierarchy is mounted.
        package var mountPoint: String
        /// The cgroup's directory, the mount point or below it.
        package var directory: String

        /// Whether the directory is, or would be, one of a cgroup file system.
        package var isCgroup: Bool {
            let inner = directory.dropFirst(mountPoint.count)
            guard directory.hasPrefix(mountPoint), inner.isEmpty || inner.hasPrefix("/"),
                !inner.split(separator: "/").contains(".."),
                let type = try? Syscall.fileSystem(mountPoint).type
            else { return false }
            // CGROUP2_SUPER_MAGIC and CGROUP_SUPER_MAGIC of statfs(2).
            return type == 0x6367_7270 || type == 0x27_E0EB
        }

        /// Every property by name.
        package init(controllers: [String], mountPoint: String, directory: String) {
            self.controllers = controllers
            self.mountPoint = mountPoint
            self.directory = directory
        }
    }

    package var mode: CgroupMode
    /// v1 hierarchies first, the unified one last.
    package var subtrees: [Subtree]
    /// The unit of systemd that the cgroup belongs to; nil for one that is made directly.
    package var scope: SystemdScope?

    /// Every property by name. No subtree at all means no cgroup, `AbsentCgroup`.
    package init(mode: CgroupMode, subtrees: [Subtree]) {
        self.mode = mode
        self.subtrees = subtrees
    }

    /// The cgroup's directory in the unified hierarchy.
    package var unified: String? { subtrees.first { $0.controllers.isEmpty }?.directory }

    /// The cgroup's directory in the hierarchy of a v1 controller (`memory`, `name=systemd`).
    package func directory(controller: String) -> String? {
        subtrees.first { $0.controllers.contains(controller) }?.directory
    }

    /// A cgroup below this one; only in the hierarchies of the given controllers, in all when there are none.
    /// Refuses a path that leads out, and a controller without a hierarchy of its own.
    package func child(_ path: String, controllers: [String] = []) throws(CgroupError) -> CgroupLocation {
        let inner = try CgroupPath.components(of: path)
        for controller in controllers where directory(controller: controller) == nil {
            throw CgroupError(.invalid, "cgroup controller \"\(controller)\": no such hierarchy")
        }
        var child = self
        child.scope = nil
        for index in subtrees.indices
        where controllers.isEmpty || !subtrees[index].controllers.allSatisfy({ !controllers.contains($0) }) {
            child.subtrees[index].directory = CgroupPath.join(subtrees[index].directory, inner)
        }
        return child
    }
}

extension CgroupLayout {
    /// The cgroup that `linux.cgroupsPath` of a configuration means.
    ///
    /// As runc has it: an absolute path counts from the mount point. A relative one counts from the caller's own cgroup
    /// in v1 hierarchies, and from the parent of that in the unified one, where a cgroup with processes of its own
    /// cannot hand controllers down. `..` is refused, and so is a path that names no cgroup at all.
    package func location(_ cgroupsPath: String) throws(CgroupError) -> CgroupLocation {
        let inner = try CgroupPath.components(of: cgroupsPath)
        guard !inner.isEmpty else {
            throw CgroupError(.invalid, "cgroup path \"\(cgroupsPath)\": does not name a cgroup below the root")
        }
        return location { hierarchy in
            if cgroupsPath.hasPrefix("/") { return CgroupPath.join(hierarchy.mountPoint, inner) }
            let own = hierarchy.ownDirectory
            let base = hierarchy.controllers.isEmpty && mode == .v2 ? hierarchy.parent(ofDirectory: own) : own
            return CgroupPath.join(base, inner)
        }
    }

    /// A location with the directory that the body names for each hierarchy.
    func location(_ directory: (Hierarchy) -> String) -> CgroupLocation {
        let hierarchies = legacy + (unified.map { [$0] } ?? [])
        return CgroupLocation(
            mode: mode,
            subtrees: hierarchies.map {
                .init(controllers: $0.controllers, mountPoint: $0.mountPoint, directory: directory($0))
            })
    }
}

extension CgroupLayout.Hierarchy {
    /// The directory above, but never above the mount point.
    fileprivate func parent(ofDirectory directory: String) -> String {
        guard directory != mountPoint, let slash = directory.lastIndex(of: "/") else { return mountPoint }
        return String(directory[..<slash])
    }
}

/// Paths of cgroups as lists of names.
enum CgroupPath {
    /// The names of a path without empty ones and `.`; a `..` or a NUL byte is refused.
    static func components(of path: String) throws(CgroupError) -> [Substring] {
        let names = path.split(separator: "/").filter { $0 != "." }
        guard !names.contains(".."), !path.utf8.contains(0) else {
            throw CgroupError(.invalid, "cgroup path \"\(path)\": leads out of the hierarchy")
        }
        return names
    }

    static func join(_ directory: String, _ names: [Substring]) -> String {
        names.reduce(directory) { "\($0)/\($1)" }
    }
}
