// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

extension CgroupDriver {
    /// Gives a v2 cgroup to a user, who may make cgroups below it then: the directory, and the files that the kernel
    /// lists in /sys/kernel/cgroup/delegate. v1 has no safe delegation, and nothing happens there. See the section
    /// "Cgroup ownership" of the runtime-spec, and "Delegation" in cgroup-v2.rst of the kernel.
    package func delegate(toUser uid: UInt32) throws(CgroupError) {
        guard location.mode == .v2, let directory = unified?.path else { return }
        // Kernels before 4.15 have no list.
        let listed = try? Syscall.readText("/sys/kernel/cgroup/delegate")
        let files = (listed ?? "cgroup.procs\ncgroup.subtree_control\ncgroup.threads").split(separator: "\n")
        for path in [directory] + files.map({ "\(directory)/\($0)" }) {
            try CgroupError.attempt("change owner of", path) { () throws(Errno) in
                do throws(Errno) {
                    // The group stays.
                    try Syscall.changeOwner(path, uid: uid, gid: .max)
                } catch .ENOENT {
                    // The list names files of controllers that are not enabled here.
                } catch .EPERM where Syscall.effectiveUserID != 0 {
                    // An unprivileged runtime may not give files away, and nobody but itself needs them.
                }
            }
        }
    }
}
