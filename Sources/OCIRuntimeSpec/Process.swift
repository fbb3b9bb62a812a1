// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A process inside the container: the container's own, or one that joins it (`exec --process`).
package struct Process: Codable, Hashable, Sendable {
    /// Whether standard input, output and error are a pseudo-terminal.
    package var terminal: Bool?
    /// Initial size of the terminal.
    package var consoleSize: ConsoleSize?
    /// Identity of the process; root when absent.
    package var user: User?
    /// Argument vector; the first is the program. Required by `start`.
    package var args: [String]?
    /// Complete command line; Windows only, never used.
    package var commandLine: String?
    /// Environment as `NAME=value`; of duplicates the last wins.
    package var env: [String]?
    /// Working directory, an absolute path inside the container.
    package var cwd: String
    /// Capability sets of the process.
    package var capabilities: LinuxCapabilities?
    /// Resource limits.
    package var rlimits: [POSIXRlimit]?
    /// Whether `execve` may no longer grant privileges (PR_SET_NO_NEW_PRIVS).
    package var noNewPrivileges: Bool?
    /// AppArmor profile of the process.
    package var apparmorProfile: String?
    /// `oom_score_adj` of the process; inherited when absent.
    package var oomScoreAdj: Int?
    /// Scheduling policy, see sched_setattr(2).
    package var scheduler: Scheduler?
    /// SELinux label of the process.
    package var selinuxLabel: String?
    /// I/O priority, see ioprio_set(2).
    package var ioPriority: LinuxIOPriority?
    /// CPU affinity of a process that joins the container; used by `exec` only.
    package var execCPUAffinity: CPUAffinity?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(
        terminal: Bool? = nil, consoleSize: ConsoleSize? = nil, user: User? = nil, args: [String]? = nil,
        commandLine: String? = nil, env: [String]? = nil, cwd: String, capabilities: LinuxCapabilities? = nil,
        rlimits: [POSIXRlimit]? = nil, noNewPrivileges: Bool? = nil, apparmorProfile: String? = nil,
        oomScoreAdj: Int? = nil, scheduler: Scheduler? = nil, selinuxLabel: String? = nil,
        ioPriority: LinuxIOPriority? = nil, execCPUAffinity: CPUAffinity? = nil
    ) {
        self.terminal = terminal
        self.consoleSize = consoleSize
        self.user = user
        self.args = args
        self.commandLine = commandLine
        self.env = env
        self.cwd = cwd
        self.capabilities = capabilities
        self.rlimits = rlimits
        self.noNewPrivileges = noNewPrivileges
        self.apparmorProfile = apparmorProfile
        self.oomScoreAdj = oomScoreAdj
        self.scheduler = scheduler
        self.selinuxLabel = selinuxLabel
        self.ioPriority = ioPriority
        self.execCPUAffinity = execCPUAffinity
    }
}

/// Size of a terminal in characters.
package struct ConsoleSize: Codable, Hashable, Sendable {
    /// Rows.
    package var height: UInt64
    /// Columns.
    package var width: UInt64

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(height: UInt64, width: UInt64) {
        self.height = height
        self.width = width
    }
}

/// Identity of a process inside the container's user namespace.
package struct User: Codable, Hashable, Sendable {
    /// User ID; 0 when absent.
    package var uid: UInt32?
    /// Group ID; 0 when absent.
    package var gid: UInt32?
    /// File mode creation mask; the runtime's default (0022) when absent.
    package var umask: UInt32?
    /// Supplementary group IDs.
    package var additionalGids: [UInt32]?
    /// User name; Windows only, never used.
    package var username: String?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(
        uid: UInt32? = nil, gid: UInt32? = nil, umask: UInt32? = nil, additionalGids: [UInt32]? = nil,
        username: String? = nil
    ) {
        self.uid = uid
        self.gid = gid
        self.umask = umask
        self.additionalGids = additionalGids
        self.username = username
    }
}

/// Capability sets by name (`CAP_CHOWN`), see capabilities(7). An absent set is empty.
package struct LinuxCapabilities: Codable, Hashable, Sendable {
    /// Limit of what `execve` may grant.
    package var bounding: [String]?
    /// What the kernel checks.
    package var effective: [String]?
    /// Kept across `execve` for files that allow it.
    package var inheritable: [String]?
    /// Limit of the effective set.
    package var permitted: [String]?
    /// Kept across `execve` of ordinary files.
    package var ambient: [String]?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(
        bounding: [String]? = nil, effective: [String]? = nil, inheritable: [String]? = nil,
        permitted: [String]? = nil, ambient: [String]? = nil
    ) {
        self.bounding = bounding
        self.effective = effective
        self.inheritable = inheritable
        self.permitted = permitted
        self.ambient = ambient
    }
}

/// One resource limit, see getrlimit(2).
package struct POSIXRlimit: Codable, Hashable, Sendable {
    /// Name of the resource: `RLIMIT_NOFILE`.
    package var type: String
    /// Ceiling of the soft limit; `UInt64.max` is unlimited.
    package var hard: UInt64
    /// The limit in force; `UInt64.max` is unlimited.
    package var soft: UInt64

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(type: String, hard: UInt64, soft: UInt64) {
        self.type = type
        self.hard = hard
        self.soft = soft
    }
}

/// Scheduling policy and its parameters, see sched_setattr(2).
package struct Scheduler: Codable, Hashable, Sendable {
    /// Name of the policy: `SCHED_BATCH`.
    package var policy: String
    /// Nice value of SCHED_OTHER and SCHED_BATCH.
    package var nice: Int32?
    /// Static priority of SCHED_FIFO and SCHED_RR.
    package var priority: Int32?
    /// Names of flags: `SCHED_FLAG_RESET_ON_FORK`.
    package var flags: [String]?
    /// Run time of SCHED_DEADLINE in nanoseconds.
    package var runtime: UInt64?
    /// Deadline of SCHED_DEADLINE in nanoseconds.
    package var deadline: UInt64?
    /// Period of SCHED_DEADLINE in nanoseconds.
    package var period: UInt64?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(
        policy: String, nice: Int32? = nil, priority: Int32? = nil, flags: [String]? = nil, runtime: UInt64? = nil,
        deadline: UInt64? = nil, period: UInt64? = nil
    ) {
        self.policy = policy
        self.nice = nice
        self.priority = priority
        self.flags = flags
        self.runtime = runtime
        self.deadline = deadline
        self.period = period
    }
}

/// I/O priority, see ioprio_set(2).
package struct LinuxIOPriority: Codable, Hashable, Sendable {
    /// Name of the class: `IOPRIO_CLASS_BE`.
    package var `class`: String
    /// Priority within the class, 0 (highest) to 7.
    package var priority: Int32?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(class: String, priority: Int32? = nil) {
        self.class = `class`
        self.priority = priority
    }
}

/// CPUs for a process that joins a container, as lists (`0-3,7`).
package struct CPUAffinity: Codable, Hashable, Sendable {
    /// CPUs before the process joins the container's cgroup.
    package var initial: String?
    /// CPUs after it has joined.
    package var `final`: String?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(initial: String? = nil, final: String? = nil) {
        self.initial = initial
        self.final = `final`
    }
}
