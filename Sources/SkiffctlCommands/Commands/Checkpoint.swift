// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

struct Checkpoint: EngineCommand {
    static let configuration = CommandConfiguration(
        commandName: "checkpoint", abstract: "Save the state of running containers, which go on.")

    @Option(name: [.customShort("e"), .customLong("export")], help: "File that the archive is written to.")
    var export: String
    @Argument(help: "Ids of containers, or their beginnings.")
    var containers: [String]
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if !export.hasPrefix("/") { throw ValidationError("The file must be an absolute path: the engine writes it.") }
        if containers.count > 1 { throw ValidationError("One file holds one container.") }
    }

    func run(_ engine: Engine) async throws {
        try await forEach(containers) { text in
            let id = try await engine.container(text, for: "checkpoint").id
            var request = Runtime_V1_CheckpointContainerRequest()
            request.containerID = id
            request.location = export
            request.timeout = 240
            _ = try await engine.call("checkpoint container", id, patience: .work(0)) {
                try await engine.runtime.checkpointContainer(request, options: $0)
            }
            try Console.print(id)
        }
    }
}
