// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Linux

/// What a client asks of a monitor; the bytes are described at the top of MonitorMessage.swift.
package enum MonitorRequest: Hashable, Sendable {
    /// Opens the conversation with the highest version the client speaks.
    case hello(version: UInt16)
    /// From now on the monitor lives until `shutdown`, whoever dies; before, it undoes everything and ends when the
    /// reader of its ready pipe is gone.
    case adopt
    /// Runs `runtime create`, and carries the container's output into its log from then on.
    case create(CreateRequest)
    /// Runs `runtime start` for a container that `create` made.
    case start(container: String, RuntimeCommand)
    /// Runs any other command of the runtime to its end.
    case run(RuntimeCommand)
    /// Runs a further process in the container, and tells how it ended.
    case exec(ExecRequest)
    /// Sends a signal to the container's first process.
    case signal(container: String, signal: UInt32)
    case list
    /// Drops what is known of a container that has exited.
    case forget(container: String)
    /// Opens the log path anew, after its file was renamed; the answer comes when output goes to the new file. Once the
    /// deadline, in ns of CLOCK_MONOTONIC, has passed, it fails and makes no file.
    case reopenLog(container: String, deadline: UInt64? = nil)
    /// Kills what is left, unpins the namespaces, answers, and ends.
    case shutdown
    /// Carries the container's streams over the socket that comes with the request; see AttachPacket.swift.
    case attach(AttachRequest)
    /// Sets the size of the container's terminal.
    case resize(container: String, WindowSize)
    /// Kills an exec'd process and its whole session; its end is told as any other.
    case endExec(execID: String)
    /// Hangs an exec'd process up, as a terminal whose user has left: SIGHUP to its whole session. What ignores that goes
    /// on; an end is told as any other.
    case hangUp(execID: String)
}

/// A program with its arguments, as the runtime is to be run.
package struct RuntimeCommand: Hashable, Sendable {
    /// The whole command line; the first is the path of the program.
    package var arguments: [String]
    /// `NAME=value`; nothing is added.
    package var environment: [String]
    package var workingDirectory: String

    package init(_ arguments: [String], environment: [String] = [], workingDirectory: String = "/") {
        self.arguments = arguments
        self.environment = environment
        self.workingDirectory = workingDirectory
    }
}

/// The container to make.
package struct CreateRequest: Hashable, Sendable {
    /// The name for later requests.
    package var container: String
    /// `runtime create`; its `--pid-file` and `--console-socket` are `pidFile` and `consoleSocket`.
    package var command: RuntimeCommand
    /// Where the runtime writes the pid of the container's first process.
    package var pidFile: String
    /// Where the exit record goes.
    package var exitFile: String
    /// The log file in the CRI format; its directory exists.
    package var logPath: String
    /// Bytes at which the log starts over; 0 for never.
    package var logLimit: UInt64
    /// Keep standard input open as a pipe; it is /dev/null otherwise.
    package var stdin: Bool
    /// Standard input ends with the first client that was attached to it; it stays open for the next otherwise.
    package var stdinOnce: Bool
    /// With a terminal, where the runtime shall connect to hand it over: the monitor makes this socket.
    package var consoleSocket: String?
    /// The file with the line `oom_kill N` of the container's cgroup, `memory.events` or `memory.oom_control`.
    package var oomEventsFile: String?

    package init(
        container: String, command: RuntimeCommand, pidFile: String, exitFile: String, logPath: String,
        logLimit: UInt64 = 0, stdin: Bool = false, stdinOnce: Bool = false, consoleSocket: String? = nil,
        oomEventsFile: String? = nil
    ) {
        self.container = container
        self.command = command
        self.pidFile = pidFile
        self.exitFile = exitFile
        self.logPath = logPath
        self.logLimit = logLimit
        self.stdin = stdin
        self.stdinOnce = stdinOnce
        self.consoleSocket = consoleSocket
        self.oomEventsFile = oomEventsFile
    }
}

/// A client that wants to be connected with a running container.
package struct AttachRequest: Hashable, Sendable {
    package var container: String
    package var stdin: Bool
    package var stdout: Bool
    /// A terminal has none.
    package var stderr: Bool

    package init(container: String, stdin: Bool, stdout: Bool, stderr: Bool) {
        self.container = container
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
    }
}
