// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Linux
internal import OCIRuntimeSpec

/// The CPUs of a process that joins a container: `process.execCPUAffinity`.
package struct CPUAffinityPlan: Hashable, Sendable {
    /// While the runtime prepares the process, before it is in the container's cgroup.
    package var initial: NumberSet?
    /// From its arrival in the cgroup on.
    package var final: NumberSet?

    /// More CPUs than any kernel is built for.
    private static let limit = 8192

    init(_ spec: CPUAffinity) throws(PlanError) {
        initial = try Self.cpus(spec.initial, "initial")
        final = try Self.cpus(spec.final, "final")
    }

    private static func cpus(_ list: String?, _ name: String) throws(PlanError) -> NumberSet? {
        guard let list, !list.isEmpty else { return nil }
        guard let cpus = NumberSet(list: list, below: limit) else {
            throw PlanError("execCPUAffinity.\(name) \"\(list)\" is not a list of CPUs")
        }
        return cpus
    }

    /// Pins the runtime itself, from which the process inherits.
    func applyInitial() throws {
        guard let initial else { return }
        try SystemError.attempt("set CPU affinity", "initial") { () throws(Errno) in
            try Syscall.setAffinity(of: 0, initial)
        }
    }

    /// Pins the process once it is in its cgroup.
    func applyFinal(to pid: Int32) throws {
        guard let final else { return }
        try SystemError.attempt("set CPU affinity", "final") { () throws(Errno) in
            try Syscall.setAffinity(of: pid, final)
        }
    }

    /// Gives a process, which is in its cgroup, all CPUs of that. From Linux 6.2 on a process keeps the CPUs that somebody
    /// chose for its parent, a service manager for one, and joining a cgroup does not widen them.
    static func reset(_ pid: Int32) {
        // As in runc no reason to fail: the CPUs that the process has are in the cgroup's, or none could be chosen.
        try? Syscall.setAffinity(of: pid, NumberSet(allBelow: limit))
    }
}
