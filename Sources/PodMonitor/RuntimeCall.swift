// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import MonitorProtocol

/// Who asked for something, and under which number.
struct Asker {
    var client: UInt64
    var request: UInt32
    /// Of the protocol, in which the answer is written.
    var version: UInt16
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
    static func spawn(
        _ command: RuntimeCommand, _ descriptors: [Int32], _ protection: OOMProtection
    ) throws -> Int32 {
        guard let program = command.arguments.first else { throw MonitorError("run: the command line is empty") }
        var plan = ChildPlan(
            program, command.arguments, environment: command.environment, descriptors: descriptors,
            workingDirectory: command.workingDirectory.isEmpty ? "/" : command.workingDirectory)
        plan.newProcessGroup = true
        let pid = try SystemError.attempt("run", program) { () throws(Errno) in try ChildProcess(plan).detach().pid }
        protection.lift(from: pid)
        return pid
    }
}
