// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

struct StopContainers: EngineCommand {
    static let configuration = CommandConfiguration(commandName: "stop", abstract: "Stop running containers.")

    @Option(name: .shortAndLong, help: "Seconds that a container has to end by itself.")
    var timeout: Int64 = 0
    @Flag(name: .shortAndLong, help: "Stop all running containers.")
    var all = false
    @Argument(help: "Ids of containers, or their beginnings.")
    var containers: [String] = []
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if timeout < 0 { throw ValidationError("The time must not be negative.") }
        guard all == containers.isEmpty else {
            throw ValidationError(all ? "Give either --all or ids." : "Give ids of containers, or --all.")
        }
    }

    func run(_ engine: Engine) async throws {
        let running = all ? try await engine.containers().filter { $0.state == .containerRunning }.map(\.id) : []
        try await forEach(running + containers) { text in
            let id = all ? text : try await engine.container(text, for: "stop").id
            try await engine.stopContainer(id, seconds: timeout)
            try Console.print(id)
        }
    }
}

extension Engine {
    func stopContainer(_ id: String, seconds: Int64) async throws {
        var request = Runtime_V1_StopContainerRequest()
        request.containerID = id
        request.timeout = seconds
        _ = try await call("stop container", id, patience: .work(seconds)) {
            try await runtime.stopContainer(request, options: $0)
        }
    }
}
