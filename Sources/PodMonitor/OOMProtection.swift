// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The monitor must be the last that the kernel kills for want of memory: with it the whole pod would end. What it runs
/// has no part in that. See proc_pid_oom_score_adj(5).
struct OOMProtection {
    static let score = -999
    /// What the monitor was started with; nil when it could not be changed.
    private let before: String?

    /// Protects the caller. Where that is not permitted (it needs CAP_SYS_RESOURCE) everything stays as it is; the daemon
    /// tells that when it starts.
    init() {
        let file = "/proc/self/oom_score_adj"
        do throws(Errno) {
            let text = try Syscall.readText(file)
            try Syscall.writeExisting(file, "\(Self.score)")
            before = text
        } catch {
            before = nil
        }
    }

    /// Gives a process on its way into a container what the container's first process has, which is what its configuration
    /// says, too: whoever of both comes later writes the same.
    func lift(from pid: Int32, towards first: Int32) {
        guard before != nil else { return }
        // Either may have ended already.
        do throws(Errno) {
            let score = try Syscall.readText("/proc/\(first)/oom_score_adj")
            try Syscall.writeExisting("/proc/\(pid)/oom_score_adj", score)
        } catch {}
    }

    /// Gives a child what the monitor had; containers' own scores come from their configurations.
    func lift(from pid: Int32) {
        guard let before else { return }
        // It may have ended already.
        do throws(Errno) { try Syscall.writeExisting("/proc/\(pid)/oom_score_adj", before) } catch {}
    }
}
