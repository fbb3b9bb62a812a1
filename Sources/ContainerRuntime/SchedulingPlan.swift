// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Linux
internal import OCIRuntimeSpec

/// When a process gets the CPU and the disks: `process.scheduler` and `process.ioPriority`.
package struct SchedulingPlan: Hashable, Sendable {
    /// nil leaves what the process inherits.
    package var scheduler: SchedulingAttributes?
    /// The number that ioprio_set(2) takes; nil leaves what the process inherits.
    package var ioPriority: Int32?

    /// Policies by name, sched(7). SCHED_ISO is reserved and was never in the kernel.
    static let policies: [(name: String, number: UInt32)] = [
        ("SCHED_OTHER", 0), ("SCHED_FIFO", 1), ("SCHED_RR", 2), ("SCHED_BATCH", 3), ("SCHED_IDLE", 5),
        ("SCHED_DEADLINE", 6),
    ]
    private static let deadlinePolicy: UInt32 = 6

    /// SCHED_FLAG_* of linux/sched.h.
    static let flags: [(name: String, bit: UInt64)] = [
        ("SCHED_FLAG_RESET_ON_FORK", 0x01), ("SCHED_FLAG_RECLAIM", 0x02), ("SCHED_FLAG_DL_OVERRUN", 0x04),
        ("SCHED_FLAG_KEEP_POLICY", 0x08), ("SCHED_FLAG_KEEP_PARAMS", 0x10), ("SCHED_FLAG_UTIL_CLAMP_MIN", 0x20),
        ("SCHED_FLAG_UTIL_CLAMP_MAX", 0x40),
    ]

    /// Classes by name, ioprio_set(2).
    static let classes: [(name: String, number: Int32)] = [
        ("IOPRIO_CLASS_RT", 1), ("IOPRIO_CLASS_BE", 2), ("IOPRIO_CLASS_IDLE", 3),
    ]

    init(_ process: Process) throws(PlanError) {
        scheduler = try process.scheduler.map { spec throws(PlanError) in try Self.attributes(spec) }
        ioPriority = try process.ioPriority.map { spec throws(PlanError) in try Self.number(of: spec) }
    }

    /// A parameter that the policy has no use for is refused: it would be ignored, or fail without a reason given.
    private static func attributes(_ spec: Scheduler) throws(PlanError) -> SchedulingAttributes {
        guard !spec.policy.isEmpty else { throw PlanError("scheduler policy is required") }
        guard let policy = policies.first(where: { $0.name == spec.policy }) else {
            throw PlanError("scheduler policy \"\(spec.policy)\" is not supported")
        }
        var attributes = SchedulingAttributes(policy: policy.number)
        attributes.nice = spec.nice ?? 0
        guard (-20...19).contains(attributes.nice) else {
            throw PlanError("invalid scheduler.nice: \(attributes.nice)")
        }
        if attributes.nice != 0, policy.name != "SCHED_OTHER", policy.name != "SCHED_BATCH" {
            throw PlanError("scheduler.nice can only be specified for SCHED_OTHER or SCHED_BATCH policy")
        }
        attributes.priority = try priority(spec)
        for name in spec.flags ?? [] {
            guard let flag = flags.first(where: { $0.name == name }) else {
                throw PlanError("scheduler flag \"\(name)\" is unknown")
            }
            attributes.flags |= flag.bit
        }
        (attributes.runtime, attributes.deadline, attributes.period) = try times(spec, policy.number)
        return attributes
    }

    private static func priority(_ spec: Scheduler) throws(PlanError) -> UInt32 {
        let priority = spec.priority ?? 0
        guard spec.policy == "SCHED_FIFO" || spec.policy == "SCHED_RR" else {
            guard priority == 0 else {
                throw PlanError("scheduler.priority can only be specified for SCHED_FIFO or SCHED_RR policy")
            }
            return 0
        }
        guard (1...99).contains(priority) else {
            throw PlanError("scheduler.priority \(priority) is out of range 1 to 99 for \(spec.policy) policy")
        }
        return UInt32(priority)
    }

    /// The order that the kernel wants of them; a period of 0 stands for the deadline. See sched(7).
    private static func times(_ spec: Scheduler, _ policy: UInt32) throws(PlanError) -> (UInt64, UInt64, UInt64) {
        let (runtime, deadline, period) = (spec.runtime ?? 0, spec.deadline ?? 0, spec.period ?? 0)
        guard policy == deadlinePolicy else {
            guard (runtime, deadline, period) == (0, 0, 0) else {
                throw PlanError(
                    "scheduler runtime/deadline/period can only be specified for SCHED_DEADLINE policy")
            }
            return (0, 0, 0)
        }
        guard runtime >= 1024 else {
            throw PlanError("scheduler.runtime \(runtime) is too short: SCHED_DEADLINE needs 1024 nanoseconds")
        }
        guard runtime <= deadline else {
            throw PlanError("scheduler.runtime \(runtime) is longer than scheduler.deadline \(deadline)")
        }
        guard period == 0 || deadline <= period else {
            throw PlanError("scheduler.deadline \(deadline) is longer than scheduler.period \(period)")
        }
        return (runtime, deadline, period)
    }

    private static func number(of spec: LinuxIOPriority) throws(PlanError) -> Int32 {
        let priority = spec.priority ?? 0
        guard (0...7).contains(priority) else { throw PlanError("invalid ioPriority.priority: \(priority)") }
        guard let known = classes.first(where: { $0.name == spec.class }) else {
            throw PlanError("invalid ioPriority.class: \"\(spec.class)\"")
        }
        return known.number << 13 | priority
    }
}

extension SchedulingPlan {
    /// Puts a process, which waits for its execution, under the plan; with the rights that the runtime has on the host.
    func apply(to pid: Int32) throws {
        if let scheduler {
            // A number that came from the table is in it.
            let name = Self.policies.first { $0.number == scheduler.policy }?.name ?? "\(scheduler.policy)"
            do throws(Errno) {
                try Syscall.setScheduling(of: pid, scheduler)
            } catch .EPERM where name == "SCHED_FIFO" || name == "SCHED_RR" {
                // sched(7), "Real-time group scheduling".
                throw RuntimeError(
                    "set scheduler \"\(name)\": \(Errno.EPERM) (in cgroup v1 needs linux.resources.cpu.realtimeRuntime)"
                )
            } catch {
                throw SystemError("set scheduler", name, error)
            }
        }
        if let ioPriority {
            let name = Self.classes.first { $0.number == ioPriority >> 13 }?.name ?? ""
            try SystemError.attempt("set I/O priority", "\(name) \(ioPriority & 7)") { () throws(Errno) in
                try Syscall.setIOPriority(of: pid, ioPriority)
            }
        }
    }
}
