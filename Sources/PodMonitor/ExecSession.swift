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

    /// Kills the process and all of its session: the runtime's, while that is on its way to make the process. Returns the
    /// session if somebody in it may have been born meanwhile.
    func kill() -> Int32? {
        isKilled = true
        let pid = pid
        // Reaped already: the number may be another's.
        if ends[pid] != nil { return nil }
        defer { Self.send([.kill], to: pid) }
        switch reach {
        case .session(let session, let group):
            // At once, before anything else can be born there.
            Self.send([.kill], to: -group)
            return Self.killSession(session) ? nil : session
        case .group(let group): Self.send([.kill], to: -group)
        case .process: break
        }
        return nil
    }

    func noteTimeout() { timedOut = true }

    /// Tells all of its session that their user has left, as the kernel does when a terminal is gone: what is stopped goes
    /// on, so that it can end. What ignores that stays. Before it runs the process is killed.
    func hangUp() -> Int32? {
        guard case .running(let pid) = state else { return kill() }
        if ends[pid] != nil { return nil }
        let signals: [Signal] = [.hangUp, .continue]
        switch reach {
        case .session(let session, _):
            // Once: what a handler starts in answer is to do its work.
            for member in Self.members(of: session) { Self.send(signals, to: member.pid) }
        case .group(let group): Self.send(signals, to: -group)
        case .process: Self.send(signals, to: pid)
        }
        return nil
    }

    private enum Reach {
        /// A session of its own, and its group in it.
        case session(Int32, group: Int32)
        case group(Int32)
        case process
    }

    /// The widest circle around the process that neither the monitor nor the container's first process is in. With crun its
    /// group is that of one that made it and ended.
    private var reach: Reach {
        guard let stat = try? ProcStat(pid), let own = try? ProcStat(Syscall.processID) else { return .process }
        let container = try? ProcStat(containerPID)
        if stat.session > 1, stat.session != own.session, stat.session != container?.session {
            return .session(stat.session, group: stat.processGroup)
        }
        if stat.processGroup > 1, stat.processGroup != own.processGroup, stat.processGroup != container?.processGroup {
            return .group(stat.processGroup)
        }
        return .process
    }

    /// A shell puts each of its jobs into a group of its own, but all are in its session. A process that is born while
    /// this looks is seen the next time; but processes may go on making others as fast as this looks, and the monitor has others
    /// to serve: false when there were still some.
    static func killSession(_ session: Int32) -> Bool {
        var killed: Set<Int32> = []
        for _ in 0..<8 {
            let found = members(of: session).filter { !killed.contains($0.pid) }
            // A group is killed in one step: nobody in it can make another one that is missed.
            for group in Set(found.map(\.processGroup)) where group > 1 { send([.kill], to: -group) }
            for member in found { send([.kill], to: member.pid) }
            // Of a dead first thread others may live.
            if found.allSatisfy(\.isDead) { return true }
            killed.formUnion(found.map(\.pid))
        }
        return false
    }

    private static func members(of session: Int32) -> [ProcStat] {
        // A process may end between the listing and the look.
        ((try? Syscall.entries("/proc")) ?? []).compactMap { Int32($0) }.compactMap { pid in
            (try? ProcStat(pid)).flatMap { $0.session == session ? $0 : nil }
        }
    }

    private static func send(_ signals: [Signal], to target: Int32) {
        for signal in signals {
            // It may have ended by itself.
            do throws(Errno) { try Syscall.kill(target, signal) } catch {}
        }
    }
}
