// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import MonitorProtocol

extension MonitorLoop {
    /// So long after a kill its victim has the signal, unless the machine stands still.
    private static let settlingMilliseconds: Int64 = 100

    /// Watches whether the kernel kills in the container's cgroup. Where it cannot, every kill counts for the first process.
    func watchMemory(of container: Container) {
        guard let watched = container.process?.oom?.watched else { return }
        do throws(Errno) {
            container.memoryToken = try watch(watched.descriptor, .memory(container), for: watched.interest)
        } catch {
            log.write("\(SystemError("watch memory of container", container.name, error))")
        }
    }

    /// Somebody was killed there, or a limit was met. It is not heard again before the first process was looked at: a
    /// container that is killed in all the time shall cost little.
    func memoryChanged(_ container: Container) {
        guard let oom = container.process?.oom, let watched = oom.watched else { return }
        suspend(watched.descriptor)
        oom.look()
        deadlines.add(.settleMemory(container), afterMilliseconds: Self.settlingMilliseconds)
    }

    func settleMemory(of container: Container) {
        guard let process = container.process, let oom = process.oom, let watched = oom.watched,
            let token = container.memoryToken
        else { return }
        // Its end comes soon, and the count is right as it is.
        if ProcStat.isBeingKilled(process.identity.pid) { return }
        if oom.exculpate() {
            deadlines.add(.settleMemory(container), afterMilliseconds: Self.settlingMilliseconds)
        } else {
            resume(watched.descriptor, token, for: watched.interest)
        }
    }

    func unwatchMemory(of container: Container, _ process: Container.Process) {
        guard let token = container.memoryToken, let watched = process.oom?.watched else { return }
        unwatch(token, watched.descriptor)
        container.memoryToken = nil
    }
}

extension ProcStat {
    /// Whether the process has ended, or SIGKILL is on its way to it.
    static func isBeingKilled(_ pid: Int32) -> Bool {
        guard let stat = try? ProcStat(pid), !stat.isDead, !stat.isExiting else { return true }
        guard let status = try? Syscall.readText("/proc/\(pid)/status") else { return true }
        let bit = UInt64(1) << UInt64(Signal.kill.rawValue - 1)
        return status.split(separator: "\n").contains { line in
            guard line.hasPrefix("SigPnd:") || line.hasPrefix("ShdPnd:") else { return false }
            return (UInt64(line.dropFirst(7).filter { !$0.isWhitespace }, radix: 16) ?? 0) & bit != 0
        }
    }
}
