// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import MonitorProtocol

/// Who asked for something, and under which number.
struct Asker {
    var client: UInt64
    var request: UInt32
}

/// A command of the OCI runtime while it runs.
final class RuntimeCall {
    enum Purpose {
        case create(Container, ConsoleSocket?)
        case start(Container)
        case run
        case exec(ExecSession)
    }

    let purpose: Purpose
    let asker: Asker
    /// What it prints, and the loop's token for it; an exec's goes to the client's own descriptors.
    let output: (token: UInt64, stream: OutputStream)?

    init(_ purpose: Purpose, asker: Asker, output: (token: UInt64, stream: OutputStream)?) {
        self.purpose = purpose
        self.asker = asker
        self.output = output
    }

    /// Whether a process may come out of it whose pid is not known yet.
    var makesProcess: Bool {
        switch purpose {
        case .create, .exec: true
        case .start, .run: false
        }
    }

    /// Starts the program with these standard descriptors in a process group of its own; returns its pid.
    static func spawn(_ command: RuntimeCommand, _ descriptors: [Int32]) throws -> Int32 {
        guard let program = command.arguments.first else { throw MonitorError("run: the command line is empty") }
        var plan = ChildPlan(
            program, command.arguments, environment: command.environment, descriptors: descriptors,
            workingDirectory: command.workingDirectory.isEmpty ? "/" : command.workingDirectory)
        plan.newProcessGroup = true
        return try SystemError.attempt("run", program) { () throws(Errno) in try ChildProcess(plan).detach().pid }
    }
}

/// A process that a client had started in a container.
final class ExecSession {
    enum State {
        /// `runtime exec` runs, under that pid.
        case starting(Int32)
        case running(Int32)
    }

    let request: ExecRequest
    let asker: Asker
    /// The container's first process.
    private let containerPID: Int32
    var state: State
    /// The loop's token for the time limit.
    var deadline: UInt64?
    private(set) var timedOut = false

    init(_ request: ExecRequest, asker: Asker, container: Int32, runtime pid: Int32) {
        self.request = request
        self.asker = asker
        containerPID = container
        state = .starting(pid)
    }

    /// Kills the process and its group: the runtime's, while that is on its way to make the process.
    func killAtDeadline() {
        timedOut = true
        // The pid is that of a child not yet reaped, so it cannot be another's; it may be a zombie.
        let pid =
            switch state {
            case .starting(let pid), .running(let pid): pid
            }
        if let group = ownGroup(of: pid) { kill(-group) }
        kill(pid)
    }

    /// The process leads its group or, with crun, is in that of a process that made it and ended. Nil when it shares the
    /// group of the container's first process, or of the monitor.
    private func ownGroup(of pid: Int32) -> Int32? {
        guard let stat = try? ProcStat(pid), stat.processGroup > 1, stat.processGroup != Syscall.processID else {
            return nil
        }
        return stat.processGroup == (try? ProcStat(containerPID))?.processGroup ? nil : stat.processGroup
    }

    private func kill(_ target: Int32) {
        // It may have ended by itself.
        do throws(Errno) { try Syscall.kill(target, .kill) } catch {}
    }
}

/// The file into which a runtime writes a pid in decimal.
enum PIDFile {
    /// Nil when there is none, or its content is not a pid.
    static func read(_ path: String) -> Int32? {
        guard let text = try? Syscall.readText(path), let pid = Int32(text.filter { !$0.isWhitespace }), pid > 1 else {
            return nil
        }
        return pid
    }
}
