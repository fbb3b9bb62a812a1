// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI
import FoundationEssentials
import Streaming

struct Exec: EngineCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a command in a running container and exit with its exit code.")

    @Flag(name: .shortAndLong, help: "Wait for the command, and then print its output.")
    var sync = false
    @Option(help: "With --sync: seconds that the command may take; 0 is no limit.")
    var timeout: Int64 = 0
    @Flag(name: .shortAndLong, help: "Give the command a terminal.")
    var tty = false
    @Flag(name: .shortAndLong, help: "Pass standard input on.")
    var interactive = false
    @Argument(help: "Id of the container, or its beginning.")
    var container: String
    @Argument(parsing: .captureForPassthrough, help: "Command and its arguments.")
    var command: [String]
    @OptionGroup var streaming: StreamingOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if timeout < 0 { throw ValidationError("The time must not be negative.") }
        if sync, tty || interactive { throw ValidationError("With --sync there is no terminal and no standard input.") }
        if timeout > 0, !sync { throw ValidationError("A time limit needs --sync.") }
    }

    private var arguments: [String] { command.first == "--" ? Array(command.dropFirst()) : command }

    func run(_ engine: Engine) async throws {
        let id = try await engine.container(container, for: "exec in").id
        let code = sync ? try await runToEnd(engine, id) : try await stream(engine, id)
        if code != 0 { throw ExitCode(code & 0xFF) }
    }

    private func runToEnd(_ engine: Engine, _ id: String) async throws -> Int32 {
        var request = Runtime_V1_ExecSyncRequest()
        request.containerID = id
        request.cmd = arguments
        request.timeout = timeout
        let response = try await engine.call("exec in container", id, patience: .endless) {
            try await engine.runtime.execSync(request, options: $0)
        }
        try Console.write(Array(response.stdout), to: 1)
        try Console.write(Array(response.stderr), to: 2)
        return response.exitCode
    }

    private func stream(_ engine: Engine, _ id: String) async throws -> Int32 {
        let streams = StandardStreams(stdin: interactive, stdout: true, stderr: !tty, terminal: tty)
        var request = Runtime_V1_ExecRequest()
        request.containerID = id
        request.cmd = arguments
        (request.stdin, request.stdout, request.stderr, request.tty) = (streams.stdin, true, streams.stderr, tty)
        let response = try await engine.call("exec in container", id) {
            try await engine.runtime.exec(request, options: $0)
        }
        switch try await TerminalSession.run(response.url, trust: streaming.trust, streams) {
        case .exited(let code): return code
        case .detached: return 0
        case .failed(let cause): throw CommandError("exec in container", id, cause)
        }
    }
}
