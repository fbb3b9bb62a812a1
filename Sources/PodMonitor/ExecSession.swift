// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import class ContainerRuntime.EnteringProcess
internal import Linux
internal import MonitorProtocol

/// A process that a client had started in a container.
final class ExecSession {
    enum State {
        /// `runtime exec` runs, under that pid.
        case starting(Int32)
        /// The process makes its own way; with the loop's token for what it says.
        case entering(EnteringProcess, token: UInt64)
        case running(Int32)
    }

    let request: ExecRequest
    let asker: Asker
    /// The container's first process.
    private let containerPID: Int32
    var state: State
    /// Where the runtime hands over the terminal.
    let console: ConsoleSocket?
    /// The master of its terminal, until the client has it.
    var terminal: SharedFD?
    /// The client knows that it does not run.
    var hasFailed = false
    /// The loop's token for the time limit.
    var deadline: UInt64?
    /// How its processes have ended, by their pids.
    var ends: [Int32: ExitStatus] = [:]
    /// The end of the program has been told.
    var isFinished = false
    /// The process that was cloned first.
    private(set) var firstPID: Int32 = 0
    private(set) var timedOut = false
    private(set) var isKilled = false

    init(
        _ request: ExecRequest, asker: Asker, container: Int32, state: State, console: ConsoleSocket? = nil
    ) {
        self.request = request
        self.asker = asker
        self.console = console
        containerPID = container
        self.state = state
        firstPID = pid
    }

    /// The pid is that of a child not yet reaped, so it cannot be another's; it may be a zombie.
    var pid: Int32 {
        switch state {
        case .starting(let pid), .running(let pid): pid
        case .entering(let process, _): process.pid
        }
    }

    func killAtDeadline() {
        timedOut = true
        kill()
    }

    /// Kills the process, its group and its session: the runtime's, while that is on its way to make the process.
    func kill() {
        isKilled = true
        let pid = pid
        // Reaped already: the number may be another's.
        if ends[pid] != nil { return }
        if let stat = try? ProcStat(pid) {
            let (own, container) = (Syscall.processID, try? ProcStat(containerPID))
            // With crun the process is in the group of one that made it and ended. It may also share the group of the
            // container's first process, or of the monitor.
            if stat.processGroup > 1, stat.processGroup != own, stat.processGroup != container?.processGroup {
                Self.kill(-stat.processGroup)
            }
            if stat.session > 1, stat.session != (try? ProcStat(own))?.session, stat.session != container?.session {
                Self.killSession(stat.session)
            }
        }
        Self.kill(pid)
    }

    /// A shell puts each of its jobs into a group of its own, but all are in its session. A process that is born while
    /// this looks is seen the next time.
    private static func killSession(_ session: Int32) {
        var killed: Set<Int32> = []
        while true {
            // A process may end between the listing and the look.
            let members = ((try? Syscall.entries("/proc")) ?? []).compactMap { Int32($0) }.filter { pid in
                (try? ProcStat(pid))?.session == session && !killed.contains(pid)
            }
            if members.isEmpty { return }
            for pid in members { kill(pid) }
            killed.formUnion(members)
        }
    }

    private static func kill(_ target: Int32) {
        // It may have ended by itself.
        do throws(Errno) { try Syscall.kill(target, .kill) } catch {}
    }
}
