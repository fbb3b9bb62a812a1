// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

/// Limits of what trees of files hold together: each belongs to a project of its file system, a number. ext4 and XFS have them
/// where they are mounted so.
package enum ProjectQuota {
    /// Whether limits are enforced on the file system of a path; false where it, or the kernel, knows none. The corresponding
    /// system call is `quotactl_fd(2)` with Q_XGETQSTAT.
    package static func isEnforced(at path: String) throws(Errno) -> Bool {
        let directory = try Syscall.open(path, [.directory])
        do throws(Errno) {
            return try Errno.check(clx_project_limits_enforced(directory.rawValue)) == 1
        } catch {
            let unknown: [Errno] = [.ENOSYS, .ESRCH, .ENOTTY, .EOPNOTSUPP]
            if unknown.contains(error) { return false }
            throw error
        }
    }

    /// Gives an empty directory to a project, with all that is made in it. The corresponding system call is `ioctl(2)` with
    /// FS_IOC_FSSETXATTR.
    package static func assign(_ path: String, to project: UInt32) throws(Errno) {
        let directory = try Syscall.open(path, [.directory, .noFollow])
        try Errno.check(clx_set_project(directory.rawValue, project))
    }

    /// Sets how many bytes a project may hold on the file system of a path; 0 for no limit. The corresponding system call is
    /// `quotactl_fd(2)` with Q_SETQUOTA.
    package static func limit(_ project: UInt32, at path: String, to bytes: UInt64) throws(Errno) {
        let directory = try Syscall.open(path, [.directory])
        try Errno.check(clx_set_project_limit(directory.rawValue, project, bytes))
    }

    /// Runs the body without the capability that lifts quotas on ext4: CAP_SYS_RESOURCE. An overlay that is mounted so obeys
    /// them, for it works with the rights of the thread that mounts it. See capabilities(7) and the kernel's overlayfs.rst.
    package static func obeying<Value, Failure: Error>(
        _ body: () throws(Failure) -> Value
    ) throws(Failure) -> Value {
        let sets: (effective: UInt64, permitted: UInt64, inheritable: UInt64)
        do throws(Errno) {
            sets = try Syscall.capabilities()
            try Syscall.setCapabilities(
                effective: sets.effective & ~(1 << 24), permitted: sets.permitted, inheritable: sets.inheritable)
        } catch { preconditionFailure("give up a capability: \(error)") }
        defer {
            // It is permitted still.
            do throws(Errno) {
                try Syscall.setCapabilities(
                    effective: sets.effective, permitted: sets.permitted, inheritable: sets.inheritable)
            } catch { preconditionFailure("take back a capability: \(error)") }
        }
        return try body()
    }
}
