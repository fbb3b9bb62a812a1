// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// How soon the kernel kills a process for want of memory. See proc_pid_oom_score_adj(5).
enum OOMScore {
    static func set(_ score: Int, of pid: Int32, _ proc: HostProc) throws {
        do throws(SystemError) {
            try proc.write("\(pid)/oom_score_adj", "\(score)")
        } catch {
            guard error.errno == .EACCES || error.errno == .EPERM else { throw error }
            throw RuntimeError(
                "set oom_score_adj to \(score): \(error.errno) (a lower value needs CAP_SYS_RESOURCE)")
        }
    }
}
