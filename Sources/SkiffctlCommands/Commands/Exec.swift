// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI
import FoundationEssentials

struct Exec: EngineCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a command in a running container and exit with its exit code.")

    @Flag(name: .shortAndLong, help: "Wait for the command and then print its output; this is what is always done.")
    var sync = false
    @Option(help: "Seconds that the command may take; 0 is no limit.")
    var timeout: Int64 = 0
    @Flag(name: .shortAndLong, help: "Give the command a terminal (not available).")
    var tty = false
    @Flag(name: .shortAndLong, help: "Pass standard input on (not available).")
    var interactive = false
    @Argument(help: "Id of the container, or its beginning.")
    var container: String
    @Argument(parsing: .captureForPassthrough, help: "Command and its arguments.")
    var command: [String]
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if timeout < 0 { throw ValidationError("The time must not be negative.") }
    }

    func run(_ engine: Engine) async throws {
        if tty || interactive {
            throw CommandError(
                "exec in container", container,
                "a terminal and standard input need streaming, which is not available: leave out -i and -t")
        }
        let id = try await engine.container(container, for: "exec in").id
        var request = Runtime_V1_ExecSyncRequest()
        request.containerID = id
        request.cmd = command.first == "--" ? Array(command.dropFirst()) : command
        request.timeout = timeout
        let response = try await engine.call("exec in container", id, patience: .endless) {
            try await engine.runtime.execSync(request, options: $0)
        }
        try Console.write(Array(response.stdout), to: 1)
        try Console.write(Array(response.stderr), to: 2)
        if response.exitCode != 0 { throw ExitCode(response.exitCode & 0xFF) }
    }
}
