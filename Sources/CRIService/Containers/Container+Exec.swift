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

    func exec(_ command: [String], timeoutSeconds: UInt32) async throws -> ExecOutcome {
        guard case .running = state, !isKilled else {
            let word = isKilled ? "being killed" : state.word
            throw ServiceError(.state, "use container", id, "it is \(word), not running")
        }
        let base = "\(paths.bundle(id))/exec-\(Identifier.random().prefix(16))"
        let file = "\(base).json"
        let (log, pidFile) = ("\(base).log", "\(base).pid")
        defer { for path in [file, log, pidFile] { try? Syscall.removeFile(path) } }
        let specFile = paths.spec(id)
        try await BlockingPool.run { try Self.writeProcess(command, from: specFile, to: file) }
        let stdout = try PipeCollector(limit: Self.outputLimit, loop: engine.loop)
        let stderr = try PipeCollector(limit: Self.outputLimit, loop: engine.loop)
        let request = ExecRequest(
            container: id, execID: base, command: handler.exec(id, process: file, pidFile: pidFile, log: log),
            pidFile: pidFile, timeoutMilliseconds: timeoutSeconds * 1000)
        let exit = try await run(request, [stdout.takeWriter(), stderr.takeWriter()].compactMap(\.self), log: log)
        if exit.timedOut {
            throw ServiceError(.deadline, "run", command[0], "it did not end within \(timeoutSeconds) s and was killed")
        }
        return ExecOutcome(stdout: stdout.finish(), stderr: stderr.finish(), exitCode: Int32(exit.code))
    }

    private func run(_ request: ExecRequest, _ writers: [SharedFD], log: String) async throws -> ExecExit {
        do {
            let end = try await pod.monitorLink().exec(request, descriptors: writers)
            guard case .execExited(let exit) = try await end.value else {
                throw ServiceError(.failed, "run", handler.path, "unexpected answer of the monitor")
            }
            return exit
        } catch let error as CancellationError {
            throw error
        } catch {
            guard let text = RuntimeLog.lastError(log) else { throw error }
            throw ServiceError(.failed, "\(handler.name) exec", nil, text)
        }
    }

    /// The container's own process with another command.
    private static func writeProcess(_ command: [String], from spec: String, to file: String) throws {
        let text = try SystemError.attempt("read", spec) { () throws(Errno) in try Syscall.readFile(spec) }
        guard var process = JSON.decode(Spec.self, text)?.process else {
            throw ServiceError(.failed, "read", spec, "it is damaged")
        }
        process.args = command
        process.terminal = nil
        // A process that joins keeps the score of the runtime's parent unless told otherwise; the container's holds.
        let bytes = try JSON.encode(process)
        try SystemError.attempt("write", file) { () throws(Errno) in try AtomicFile.write(file, bytes, mode: 0o600) }
    }
}
