// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

struct StartContainers: EngineCommand {
    static let configuration = CommandConfiguration(commandName: "start", abstract: "Start created containers.")

    @Argument(help: "Ids of containers, or their beginnings.")
    var containers: [String]
    @OptionGroup var global: GlobalOptions

    func run(_ engine: Engine) async throws {
        try await forEach(containers) { text in
            let id = try await engine.container(text, for: "start").id
            try await engine.startContainer(id)
            try Console.print(id)
        }
    }
}

extension Engine {
    func startContainer(_ id: String) async throws {
        var request = Runtime_V1_StartContainerRequest()
        request.containerID = id
        _ = try await call("start container", id, patience: .work(0)) {
            try await runtime.startContainer(request, options: $0)
        }
    }
}
