// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI
import Streaming

struct Attach: EngineCommand {
    static let configuration = CommandConfiguration(
        commandName: "attach", abstract: "Connect with the output of a running container, and with its input.",
        discussion: "With a terminal, the keys ctrl-p ctrl-q leave, and the container goes on.")

    @Flag(name: .shortAndLong, help: "The container has a terminal.")
    var tty = false
    @Flag(name: [.customShort("i"), .customLong("stdin"), .customLong("interactive")], help: "Pass standard input on.")
    var interactive = false
    @Argument(help: "Id of the container, or its beginning.")
    var container: String
    @OptionGroup var streaming: StreamingOptions
    @OptionGroup var global: GlobalOptions

    func run(_ engine: Engine) async throws {
        let id = try await engine.container(container, for: "attach to").id
        let streams = StandardStreams(stdin: interactive, stdout: true, stderr: !tty, terminal: tty)
        var request = Runtime_V1_AttachRequest()
        request.containerID = id
        (request.stdin, request.stdout, request.stderr, request.tty) = (streams.stdin, true, streams.stderr, tty)
        let response = try await engine.call("attach to container", id) {
            try await engine.runtime.attach(request, options: $0)
        }
        let keys: [UInt8] = tty && interactive ? [16, 17] : []
        switch try await TerminalSession.run(response.url, streaming, streams, detachKeys: keys) {
        case .exited(let code): if code != 0 { throw ExitCode(code & 0xFF) }
        case .detached: break
        case .failed(let cause): throw CommandError("attach to container", id, cause)
        }
    }
}
