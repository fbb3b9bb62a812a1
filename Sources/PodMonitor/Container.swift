// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import MonitorProtocol

/// One container of the pod.
final class Container {
    enum State {
        /// `runtime create` runs.
        case creating
        case created(Process)
        /// ... since that time, ns since 1970.
        case running(Process, since: UInt64)
        case exited(ExitRecord)
    }

    /// The first process, which is or was alive.
    struct Process {
        let identity: MonitoredProcess
        /// Nil when it had ended before it could be opened.
        let pidfd: SharedPidFD?
        let oom: OOMCounter?
    }

    let request: CreateRequest
    let log: LogFile
    var state = State.creating
    /// What of its output is still open, by the loop's tokens.
    var outputs: [UInt64: OutputStream] = [:]
    /// The loop's tokens for the pidfd of the first process, and for the kills in its cgroup.
    var processToken: UInt64?
    var memoryToken: UInt64?
    var recordFailureIsTold = false
    /// The master of its terminal, when it has one and the terminal is up.
    var terminal: SharedFD?
    /// The other end of it, for as long as the first process lives: one that closes its terminal may open it again.
    var terminalPeer: SharedFD?
    let input = ContainerInput()
    var attached: [AttachedClient] = []
    /// SIGKILL was asked for: no lack of memory has ended it.
    var isKilled = false

    var name: String { request.container }

    init(_ request: CreateRequest, log: LogFile) {
        self.request = request
        self.log = log
    }

    /// The first process, while it is not known to have ended.
    var process: Process? {
        switch state {
        case .created(let process), .running(let process, _): process
        case .creating, .exited: nil
        }
    }

    var status: ContainerStatus {
        let state: ContainerStatus.State =
            switch state {
            case .creating: .creating
            case .created(let process): .created(process.identity)
            case .running(let process, let since): .running(process.identity, started: since)
            case .exited(let record): .exited(record)
            }
        return ContainerStatus(container: name, state: state, lostBytes: log.lostBytes)
    }

    /// The record of a first process that ended so; nil status when nobody could tell.
    func record(of process: Process, _ status: ExitStatus?, at finished: UInt64) -> ExitRecord {
        let started: UInt64? = if case .running(_, let since) = state { since } else { nil }
        let signal: UInt32 = if case .signaled(let number) = status { UInt32(number) } else { 0 }
        // Another process of the container may have been killed for its memory: that does not end the container.
        let oomKilled =
            signal == UInt32(Signal.kill.rawValue) && !isKilled && process.oom?.hasIncreased == true
        let code = status.map { UInt32(truncatingIfNeeded: $0.shellCode) & 0xff } ?? 255
        return ExitRecord(
            pid: process.identity.pid, code: code, signal: signal, oomKilled: oomKilled, started: started,
            finished: finished, reason: oomKilled ? "OOMKilled" : code == 0 ? "Completed" : "Error",
            lostBytes: log.lostBytes)
    }
}
