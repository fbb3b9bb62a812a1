// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI
import FoundationEssentials
import Streaming

struct Exec: EngineCommand {
    static let configuration = CommandConfiguration(
        commandName: "exec", abstract: "Run a command in a running container and exit with its exit code.",
        usage: """
            skiffctl exec [<options>] <container> <command> ...
            skiffctl exec [<options>] <options that choose containers> <command> ...
            """,
        discussion: "Options stand before the first of these words.")

    @Flag(name: .shortAndLong, help: "Wait for the command, and then print its output.")
    var sync = false
    @Option(help: "With --sync: seconds that the command may take; 0 is no limit.")
    var timeout: Int64 = 0
    @Flag(name: .shortAndLong, help: "Give the command a terminal.")
    var tty = false
    @Flag(name: .shortAndLong, help: "Pass standard input on.")
    var interactive = false
    @OptionGroup var choice: ContainerChoice
    @Option(help: "Only containers in this state: created, running, exited or unknown.")
    var state: String?
    @Flag(name: [.customShort("x"), .long], help: "In all chosen containers at once.")
    var parallel = false
    @Flag(name: [.customShort("e"), .long], help: "Exit with 0 whatever becomes of the command.")
    var ignoreErrors = false
    @Flag(name: .shortAndLong, help: "Do not print the ids of chosen containers.")
    var quiet = false
    @OptionGroup var streaming: StreamingOptions
    @OptionGroup var global: GlobalOptions
    @Argument(
        parsing: .captureForPassthrough,
        help: "Id of the container, or its beginning, unless options choose; then the command and its arguments.")
    var words: [String] = []

    private var isChoice: Bool { choice.isGiven || state != nil }

    /// A `--` only says that no option follows.
    private var command: [String] {
        let rest = isChoice ? words[...] : words.dropFirst()
        return Array(rest.first == "--" ? rest.dropFirst() : rest)
    }

    func validate() throws {
        _ = try state.map(ContainerStateName.parse)
        if timeout < 0 { throw ValidationError("The time must not be negative.") }
        if sync, tty || interactive { throw ValidationError("With --sync there is no terminal and no standard input.") }
        if timeout > 0, !sync { throw ValidationError("A time limit needs --sync.") }
        if parallel, tty || interactive {
            throw ValidationError("With --parallel there is no terminal and no standard input.")
        }
        guard !command.isEmpty else {
            throw ValidationError(isChoice ? "Give a command." : "Give the id of a container and a command.")
        }
    }

    func run(_ engine: Engine) async throws {
        let code = try await isChoice ? runInChosen(engine) : runInOne(engine)
        if code != 0, !ignoreErrors { throw ExitCode(code & 0xFF) }
    }

    private func runInOne(_ engine: Engine) async throws -> Int32 {
        do {
            return try await execute(engine, try await engine.container(words[0], for: "exec in").id)
        } catch let error as CommandError where ignoreErrors {
            Console.report(error)
            return 0
        }
    }

    /// The exit code of the first that has not ended with 0.
    private func runInChosen(_ engine: Engine) async throws -> Int32 {
        let ids = try ContainerChoice.ids(await choice.containers(engine, state: state), for: "exec in")
        if parallel {
            return await withTaskGroup(of: Int32.self) { group in
                for id in ids { group.addTask { await attempt(engine, id) } }
                return await group.reduce(0) { $0 == 0 ? $1 : $0 }
            }
        }
        var code: Int32 = 0
        for id in ids {
            if !quiet { try Console.print("\(id):") }
            let own = await attempt(engine, id)
            if code == 0 { code = own }
        }
        return code
    }

    private func attempt(_ engine: Engine, _ id: String) async -> Int32 {
        do {
            return try await execute(engine, id)
        } catch {
            Console.report(error)
            return 1
        }
    }

    private func execute(_ engine: Engine, _ id: String) async throws -> Int32 {
        sync ? try await runToEnd(engine, id) : try await stream(engine, id)
    }

    private func runToEnd(_ engine: Engine, _ id: String) async throws -> Int32 {
        var request = Runtime_V1_ExecSyncRequest()
        request.containerID = id
        request.cmd = command
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
        request.cmd = command
        (request.stdin, request.stdout, request.stderr, request.tty) = (streams.stdin, true, streams.stderr, tty)
        let response = try await engine.call("exec in container", id) {
            try await engine.runtime.exec(request, options: $0)
        }
        switch try await TerminalSession.run(response.url, streaming, streams) {
        case .exited(let code): return code
        case .detached: return 0
        case .failed(let cause): throw CommandError("exec in container", id, cause)
        }
    }
}
