// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

struct InspectContainers: EngineCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Print the status of containers.")

    @OptionGroup var document: DocumentOptions
    @Flag(name: .shortAndLong, help: "Leave out what the engine tells on top.")
    var quiet = false
    @OptionGroup var choice: ContainerChoice
    @OptionGroup var list: ContainerListChoice
    @Argument(help: "Ids of containers, or their beginnings; else the options choose, or it is the running ones.")
    var containers: [String] = []
    @OptionGroup var global: GlobalOptions

    private static let times = ["createdAt", "startedAt", "finishedAt"]

    func validate() throws {
        guard !containers.isEmpty, choice.isGiven || list.isGiven else { return }
        throw ValidationError("Give ids of containers, or options that choose among them.")
    }

    func run(_ engine: Engine) async throws {
        let ids = try await containers.isEmpty ? chosen(engine) : containers
        try await forEach(ids, printing: document) { text in
            let id = try await engine.container(text, for: "inspect").id
            let response = try await engine.status(ofContainer: id, verbose: !quiet)
            if document.output == .table {
                try printTable(response.status)
                return nil
            }
            let status = try ProtoJSON.value(response.status, shape: Shapes.containerStatus)
            return InspectDocument.make(status, times: Self.times, info: response.info)
        }
    }

    private func chosen(_ engine: Engine) async throws -> [String] {
        try ContainerChoice.ids(
            await choice.containers(engine, state: list.state, namespace: list.namespace, all: list.all),
            for: "inspect")
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
