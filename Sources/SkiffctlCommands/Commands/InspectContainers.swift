// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

struct InspectContainers: EngineCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Print the status of containers.")

    @Option(name: .shortAndLong, help: "Form of the output: json, yaml or table.")
    var output = OutputFormat.json
    @Flag(name: .shortAndLong, help: "Leave out what the engine tells on top.")
    var quiet = false
    @Argument(help: "Ids of containers, or their beginnings.")
    var containers: [String]
    @OptionGroup var global: GlobalOptions

    private static let times = ["createdAt", "startedAt", "finishedAt"]

    func run(_ engine: Engine) async throws {
        try await forEach(containers) { text in
            let id = try await engine.container(text, for: "inspect").id
            let response = try await engine.status(ofContainer: id, verbose: !quiet)
            if output == .table { return try printTable(response.status) }
            let status = try ProtoJSON.value(response.status, shape: Shapes.containerStatus)
            try output.print(InspectDocument.make(status, times: Self.times, info: response.info))
        }
    }

    private func printTable(_ status: Runtime_V1_ContainerStatus) throws {
        var details = Details()
        details.add("ID", status.id)
        details.add("Name", status.metadata.name)
        details.add("Attempt", String(status.metadata.attempt))
        details.add("State", ContainerStateName.text(status.state))
        details.add("Reason", status.reason)
        details.add("Message", status.message)
        details.add("Created", Clock.text(status.createdAt))
        if status.startedAt != 0 { details.add("Started", Clock.text(status.startedAt)) }
        if status.finishedAt != 0 {
            details.add("Finished", Clock.text(status.finishedAt))
            details.add("Exit Code", String(status.exitCode))
        }
        details.add("Image", status.image.image)
        details.add("Log", status.logPath)
        details.add("Labels", status.labels)
        details.add("Annotations", status.annotations)
        try details.print()
    }
}
