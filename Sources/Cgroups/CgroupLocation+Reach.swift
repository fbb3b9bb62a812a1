// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

extension CgroupLocation {
    /// Only the hierarchies in which the caller may make the cgroup, for users without rights on the host. Those were
    /// delegated to them: the lowest directory that is there already is theirs. See cgroups(7), "Cgroup delegation".
    package func withinReach() -> CgroupLocation {
        var location = self
        location.subtrees.removeAll { !$0.isWithinReach }
        return location
    }
}

extension CgroupLocation.Subtree {
    fileprivate var isWithinReach: Bool {
        var directory = CgroupDirectory(directory)
        while !directory.exists, directory.path.count > mountPoint.count, let parent = directory.parent {
            directory = parent
        }
        do throws(Errno) {
            try Syscall.checkAccess(directory.path, mode: 2)
            // A cgroup that is there already must also take processes.
            if directory.path == self.directory { try Syscall.checkAccess("\(directory.path)/cgroup.procs", mode: 2) }
            return true
        } catch {
            return false
        }
    }
}
