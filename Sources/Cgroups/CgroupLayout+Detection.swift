// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

extension CgroupLayout {
    private static let standardMountPoint = "/sys/fs/cgroup"
    /// CGROUP2_SUPER_MAGIC of statfs(2).
    private static let unifiedFileSystem: Int64 = 0x6367_7270

    /// The layout as the calling process sees it. Throws when no hierarchy is mounted.
    package static func detect() throws(CgroupError) -> CgroupLayout {
        let memberships = try text("/proc/self/cgroup")
        // The common case does without the mount table, which is long on a busy node.
        if let own = Membership.parse(memberships).first(where: { $0.controllers.isEmpty }), unifiedAtStandardPlace() {
            let unified = Hierarchy(controllers: [], mountPoint: standardMountPoint, ownPath: own.path)
            return CgroupLayout(mode: .v2, unified: unified)
        }
        return try CgroupLayout(mountInfo: text("/proc/self/mountinfo"), memberships: memberships)
    }

    /// The layout that the texts of /proc/PID/mountinfo and /proc/PID/cgroup tell. See proc_pid_mountinfo(5), cgroups(7).
    package init(mountInfo: String, memberships: String) throws(CgroupError) {
        self.init(mode: .v1)
        let memberships = Membership.parse(memberships)
        for mount in MountInfo.parse(mountInfo).visible(types: ["cgroup", "cgroup2"]) {
            let isUnified = mount.type == "cgroup2"
            // The controllers of a v1 mount are those of its options that /proc/PID/cgroup knows.
            let member = memberships.first { member in
                if isUnified { return member.controllers.isEmpty }
                return !member.controllers.isEmpty && member.controllers.allSatisfy(mount.superOptions.contains)
            }
            guard let member else { continue }
            let hierarchy = Hierarchy(
                controllers: member.controllers, mountPoint: mount.mountPoint, root: mount.root, ownPath: member.path)
            if isUnified {
                unified = unified ?? hierarchy
            } else if !legacy.contains(where: { $0.controllers == member.controllers }) {
                legacy.append(hierarchy)
            }
        }
        try decideMode()
    }

    /// A stray v1 mount beside cgroup2 at the standard place (a VPN's net_cls) does not make a host hybrid.
    private mutating func decideMode() throws(CgroupError) {
        guard let unified else {
            if legacy.isEmpty { throw CgroupError(.invalid, "find cgroups: no cgroup file system is mounted") }
            mode = .v1
            return
        }
        mode = legacy.isEmpty || unified.mountPoint == Self.standardMountPoint ? .v2 : .hybrid
        if mode == .v2 { legacy = [] }
    }

    /// Where another process is in each hierarchy: its own line of /proc/PID/cgroup for every mounted one.
    package func location(ofProcess pid: Int32) throws(CgroupError) -> CgroupLocation {
        let memberships = Membership.parse(try Self.text("/proc/\(pid)/cgroup"))
        return location { hierarchy in
            let path = memberships.first { $0.controllers == hierarchy.controllers }?.path ?? "/"
            return hierarchy.directory(ofHierarchyPath: path)
        }
    }

    private static func unifiedAtStandardPlace() -> Bool {
        do throws(Errno) {
            return try Syscall.fileSystem(standardMountPoint).type == unifiedFileSystem
        } catch {
            return false
        }
    }

    private static func text(_ path: String) throws(CgroupError) -> String {
        try CgroupError.attempt("read", path) { () throws(Errno) in try Syscall.readText(path) }
    }
}

/// One line of /proc/PID/cgroup: `4:memory:/a/b`, or `0::/a/b` for the unified hierarchy.
private struct Membership {
    var controllers: [String]
    var path: String

    static func parse(_ text: String) -> [Membership] {
        text.utf8.split(separator: UInt8(ascii: "\n")).compactMap { line in
            let fields = line.split(separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { return nil }
            let controllers = fields[1].split(separator: UInt8(ascii: ",")).map { String(Substring($0)) }
            return Membership(controllers: controllers, path: String(Substring(fields[2])))
        }
    }
}

extension [MountInfo] {
    /// The mounts of these types that a path lookup still reaches: a test of a container engine mounts another
    /// arrangement over the host's, and both are in the table.
    fileprivate func visible(types: Set<String>) -> [MountInfo] {
        filter { mount in
            // Another mount on its root covers it whole.
            types.contains(mount.type) && isReachable(mount)
                && !contains { $0.parent == mount.id && $0.id != mount.id && $0.mountPoint == mount.mountPoint }
        }
    }

    /// Whether neither the mount nor one above it lies below a sibling that was mounted over a part of its path.
    private func isReachable(_ mount: MountInfo) -> Bool {
        var mount = mount
        // As many steps as mounts: a table from a broken source may have a circle.
        for _ in indices {
            let hidden = contains {
                $0.parent == mount.parent && $0.id != mount.id && mount.mountPoint.hasPrefix($0.mountPoint + "/")
            }
            if hidden { return false }
            guard let parent = first(where: { $0.id == mount.parent }), parent.id != mount.id else { return true }
            mount = parent
        }
        return true
    }
}
