// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

/// What a child process is made of.
package struct ChildPlan: Sendable {
    /// An absolute path; `ChildPlan.find` searches PATH.
    package var executable: String
    /// Including the name, argv[0].
    package var arguments: [String]
    package var environment: [String]
    /// Descriptors of the caller that become 0, 1, 2, ... of the child; nil leaves the number closed. All others close.
    package var descriptors: [Int32?]
    package var workingDirectory: String?
    package var newSession = false
    package var newProcessGroup = false
    /// Sent to the child when the thread that started it ends. See PR_SET_PDEATHSIG(2const).
    package var parentDeathSignal: Signal?
    /// A cgroup's directory in the unified hierarchy, where the child is born if the kernel lets it. That takes no time;
    /// to move it later would take a grace period of RCU.
    package var cgroup: SharedFD?

    package init(
        _ executable: String, _ arguments: [String], environment: [String] = [], descriptors: [Int32?] = [],
        workingDirectory: String? = nil
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.descriptors = descriptors
        self.workingDirectory = workingDirectory
    }

    /// The first executable file of that name in the directories of PATH; a name with a slash is returned as it is.
    package static func find(_ name: String, path: String) -> String? {
        if name.contains("/") { return name }
        for directory in path.split(separator: ":") {
            let candidate = "\(directory)/\(name)"
            guard let status = try? Syscall.status(candidate), status.kind == .regular else { continue }
            // An unusable candidate is passed over, as execvp(3) does.
            if (try? Syscall.checkAccess(candidate, mode: 1)) != nil { return candidate }
        }
        return nil
    }
}

/// A child that was started through C: signals reset, only the mapped descriptors, no code of ours between clone and
/// exec. Safe in programs with many threads. The child must be reaped with `wait()`.
///
/// Until it executes it shares the caller's memory, and the calling thread waits with its signals blocked. In a cgroup that
/// is frozen a child does not get that far, and the thread waits until the cgroup is thawed or the child is killed.
package struct ChildProcess: ~Copyable, Sendable {
    package let pid: Int32
    package let pidfd: PidFD

    /// Starts the child; the error is that of the step that failed, execve(2) included, and then no child is left.
    package init(_ plan: ChildPlan) throws(Errno) {
        var pidfd: Int32 = -1
        let descriptors = plan.descriptors.map { $0 ?? -1 }
        let result = unsafe Syscall.withCStrings(plan.arguments) { argv in
            unsafe Syscall.withCStrings(plan.environment) { envp in
                unsafe Self.withOptionalCString(plan.workingDirectory) { cwd in
                    unsafe plan.executable.withCString { path in
                        unsafe descriptors.withUnsafeBufferPointer { fds in
                            var raw = unsafe clx_spawn_plan(
                                path: path, argv: argv, envp: envp, fds: fds.baseAddress, fd_count: fds.count,
                                cwd: cwd, new_session: plan.newSession ? 1 : 0,
                                new_group: plan.newProcessGroup ? 1 : 0,
                                parent_death_signal: plan.parentDeathSignal?.rawValue ?? 0,
                                cgroup: plan.cgroup?.rawValue ?? -1)
                            return unsafe clx_spawn(&raw, &pidfd)
                        }
                    }
                }
            }
        }
        pid = try Errno.check(result)
        self.pidfd = PidFD(adopting: OwnedFD(adopting: pidfd))
    }

    private static func withOptionalCString(
        _ text: String?, _ body: (UnsafePointer<CChar>?) -> Int32
    ) -> Int32 {
        guard let text else { return body(nil) }
        return unsafe text.withCString { unsafe body($0) }
    }

    /// Waits for the end and reaps; blocks the calling thread.
    package borrowing func wait() throws(Errno) -> ExitStatus { try pidfd.reap() }

    /// The child's pid and pidfd without the duty of this value; the caller reaps.
    package consuming func detach() -> (pid: Int32, pidfd: SharedPidFD) {
        let pid = pid
        return (pid, SharedPidFD(pidfd))
    }
}

/// The class that lets pidfds live in arrays and dictionaries.
package final class SharedPidFD: Sendable {
    package let pidfd: PidFD
    package init(_ pidfd: consuming PidFD) { self.pidfd = pidfd }
}
