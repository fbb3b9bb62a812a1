// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

/// Scheduling policy and parameters, `struct sched_attr` of sched_setattr(2).
package struct SchedulingAttributes: Hashable, Sendable {
    /// SCHED_OTHER 0, SCHED_FIFO 1, SCHED_RR 2, SCHED_BATCH 3, SCHED_IDLE 5, SCHED_DEADLINE 6.
    package var policy: UInt32
    /// SCHED_FLAG_* of sched_setattr(2).
    package var flags: UInt64 = 0
    package var nice: Int32 = 0
    package var priority: UInt32 = 0
    /// Nanoseconds, as the other two.
    package var runtime: UInt64 = 0
    package var deadline: UInt64 = 0
    package var period: UInt64 = 0

    package init(policy: UInt32) { self.policy = policy }
}

extension Syscall {
    /// Sets how a process is scheduled, 0 for the caller. The corresponding system call is `sched_setattr(2)`.
    package static func setScheduling(of pid: Int32, _ attributes: SchedulingAttributes) throws(Errno) {
        var raw = clx_schedule(
            policy: attributes.policy, flags: attributes.flags, nice: attributes.nice, priority: attributes.priority,
            runtime: attributes.runtime, deadline: attributes.deadline, period: attributes.period)
        unsafe try Errno.check(clx_sched_setattr(pid, &raw))
    }

    /// Sets the I/O priority of a process, 0 for the caller: the class in the bits from 13 up, the priority below. The
    /// corresponding system call is `ioprio_set(2)`.
    package static func setIOPriority(of pid: Int32, _ priority: Int32) throws(Errno) {
        try Errno.check(clx_ioprio_set(pid, priority))
    }

    /// The CPUs on which a process may run, 0 for the caller; those outside of its cpuset are left out. The
    /// corresponding system call is `sched_setaffinity(2)`.
    package static func setAffinity(of pid: Int32, _ cpus: NumberSet) throws(Errno) {
        unsafe try Errno.check(clx_sched_setaffinity(pid, cpus.words, cpus.words.count * 8))
    }

    /// From which nodes the calling thread gets its memory. The mode is MPOL_* with MPOL_F_* in its upper bits. The
    /// corresponding system call is `set_mempolicy(2)`.
    package static func setMemoryPolicy(_ mode: Int32, _ nodes: NumberSet) throws(Errno) {
        unsafe try Errno.check(clx_set_mempolicy(mode, nodes.words, UInt64(nodes.words.count) * 64))
    }
}
