// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import MonitorProtocol
internal import OCIRuntimeSpec

/// What a command that was run in a container has said, and how it ended.
struct ExecOutcome: Sendable {
    var stdout: [UInt8]
    var stderr: [UInt8]
    /// 128 + n for signal n.
    var exitCode: Int32
}

extension Engine {
    /// Runs a command in a container to its end. Without an end within `timeout` seconds (0: for ever) it is killed
    /// with its process group, and that is an error.
    func execSync(_ id: String, _ command: [String], timeout: Int64) async throws -> ExecOutcome {
        let container = try table.container(id)
        do {
            guard !command.isEmpty else { throw ServiceError(.invalid, "run", nil, "the request has no command") }
            guard timeout >= 0, timeout <= Int64(UInt32.max) / 1000 else {
                throw ServiceError(.invalid, "set timeout", "\(timeout)", "want 0 to \(UInt32.max / 1000) seconds")
            }
            return try await container.exec(command, timeoutSeconds: UInt32(timeout))
        } catch let error as CancellationError { throw error } catch {
            throw ServiceError.wrap(error, "exec in container", container.id)
        }
    }
}

extension Container {
    /// The most that is kept of each output; the rest is dropped, and the command goes on.
    static let outputLimit = 16 << 20

    /// Where a process has its standard streams.
    enum ExecStreams: Sendable {
        /// The caller's descriptors; /dev/null for those that are nil.
        case descriptors(stdin: SharedFD?, stdout: SharedFD?, stderr: SharedFD?)
        /// A new terminal, whose master comes with the process.
        case terminal(WindowSize)
    }

    func exec(_ command: [String], timeoutSeconds: UInt32) async throws -> ExecOutcome {
        let stdout = try PipeCollector(limit: Self.outputLimit, loop: engine.loop)
        let stderr = try PipeCollector(limit: Self.outputLimit, loop: engine.loop)
        let streams = ExecStreams.descriptors(stdin: nil, stdout: stdout.takeWriter(), stderr: stderr.takeWriter())
        let process = try await startExec(command, streams, timeoutMilliseconds: timeoutSeconds * 1000)
        let exit: ExecExit
        do {
            exit = try await process.wait()
        } catch let error as CancellationError {
            // Nobody waits for it any more.
            Task { await process.kill() }
            throw error
        }
        if exit.timedOut {
            throw ServiceError(.deadline, "run", command[0], "it did not end within \(timeoutSeconds) s and was killed")
        }
        return ExecOutcome(stdout: stdout.finish(), stderr: stderr.finish(), exitCode: Int32(exit.code))
    }

    /// Whether a process can join it.
    func checkRunning() throws(ServiceError) {
        guard case .running = state, !isKilled else {
            throw ServiceError(.state, "use container", id, "it is \(stateWord), not running")
        }
    }

    /// Starts a command in the running container; returns once its program runs. With `endsWithClient` it is hung up with
    /// its session when the daemon ends.
    func startExec(
        _ command: [String], _ streams: ExecStreams, timeoutMilliseconds: UInt32 = 0, endsWithClient: Bool = false
    ) async throws -> RunningExec {
        // First: the state is to be that of the moment when the request goes.
        let link = try await pod.monitorLink()
        try checkRunning()
        let execID = String(Identifier.random().prefix(16))
        var request = ExecRequest(
            container: id, execID: execID, way: .entry(entry(command, streams)),
            timeoutMilliseconds: timeoutMilliseconds, endsWithClient: endsWithClient)
        var descriptors: [SharedFD] = []
        switch streams {
        case .terminal(let size): request.terminal = size
        case .descriptors(let stdin, let stdout, let stderr):
            request.stdin = stdin != nil
            descriptors = try [stdin].compactMap(\.self) + [stdout, stderr].map { try $0 ?? Self.null() }
        }
        // A filter whose calls somebody hears of only the runtime hands over.
        if handler.isOwnRuntime, link.version >= 2, notifier == nil {
            return try await link.exec(request, descriptors: descriptors)
        }
        return try await startByCommand(command, request, descriptors, link)
    }

    private func entry(_ command: [String], _ streams: ExecStreams) -> ContainerEntry {
        let isTerminal = if case .terminal = streams { true } else { false }
        return ContainerEntry(
            root: handler.root, id: id, arguments: command, environment: isTerminal ? ["TERM=xterm"] : [])
    }

    private static func null() throws(SystemError) -> SharedFD {
        try SystemError.attempt("open", "/dev/null") { () throws(Errno) in
            SharedFD(try Syscall.open("/dev/null", .readWrite))
        }
    }

    /// By the runtime's `exec`, which reads the process from a file.
    private func startByCommand(
        _ command: [String], _ base: ExecRequest, _ descriptors: [SharedFD], _ link: MonitorLink
    ) async throws -> RunningExec {
        var request = base
        let files = ["json", "log", "pid"].map { paths.exec(id, base.execID, $0) }
        let (file, log, pidFile) = (files[0], files[1], files[2])
        let (specFile, terminal) = (paths.spec(id), base.terminal)
        let console = terminal != nil ? paths.consoleSocket(base.execID) : nil
        // What was not made, or the monitor has removed, need not be removed.
        defer { for path in files + [console].compactMap(\.self) { try? Syscall.removeFile(path) } }
        try await BlockingPool.run { try Self.writeProcess(command, terminal, from: specFile, to: file) }
        request.way = .runtime(
            handler.exec(id, process: file, pidFile: pidFile, console: console, log: log), pidFile: pidFile,
            consoleSocket: console)
        do {
            return try await link.exec(request, descriptors: descriptors)
        } catch let error as CancellationError {
            throw error
        } catch {
            guard let text = RuntimeLog.lastError(log) else { throw error }
            throw ServiceError(.failed, "\(handler.name) exec", nil, text)
        }
    }

    /// The container's own process with another command.
    private static func writeProcess(
        _ command: [String], _ terminal: WindowSize?, from spec: String, to file: String
    ) throws {
        let text = try SystemError.attempt("read", spec) { () throws(Errno) in try Syscall.readFile(spec) }
        guard var process = JSON.decode(Spec.self, text)?.process else {
            throw ServiceError(.failed, "read", spec, "it is damaged")
        }
        process.args = command
        process.terminal = terminal != nil ? true : nil
        process.consoleSize = terminal.map { ConsoleSize(height: UInt64($0.rows), width: UInt64($0.columns)) }
        if terminal != nil, process.env?.contains(where: { $0.hasPrefix("TERM=") }) != true {
            process.env = (process.env ?? []) + ["TERM=xterm"]
        }
        // A process that joins keeps the score of the runtime's parent unless told otherwise; the container's holds.
        let bytes = try JSON.encode(process)
        try SystemError.attempt("write", file) { () throws(Errno) in try AtomicFile.write(file, bytes, mode: 0o600) }
    }
}
