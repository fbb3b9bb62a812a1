// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

struct InspectPods: EngineCommand {
    static let configuration = CommandConfiguration(commandName: "inspectp", abstract: "Print the status of pods.")

    @OptionGroup var document: DocumentOptions
    @Flag(name: .shortAndLong, help: "Leave out what the engine tells on top.")
    var quiet = false
    @OptionGroup var choice: PodChoice
    @Argument(help: "Ids of pods, or their beginnings; without any, those that the options choose, or all.")
    var pods: [String] = []
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard !pods.isEmpty, choice.isGiven else { return }
        throw ValidationError("Give ids of pods, or options that choose among them.")
    }

    func run(_ engine: Engine) async throws {
        let ids = try await pods.isEmpty ? chosen(engine) : pods
        try await forEach(ids, printing: document) { text in
            let id = try await engine.pod(text, for: "inspect").id
            var request = Runtime_V1_PodSandboxStatusRequest()
            request.podSandboxID = id
            request.verbose = !quiet
            let response = try await engine.call("inspect pod", text) {
                try await engine.runtime.podSandboxStatus(request, options: $0)
            }
            if document.output == .table {
                try printTable(response.status)
                return nil
            }
            let status = try ProtoJSON.value(response.status, shape: Shapes.podSandboxStatus)
            return InspectDocument.make(status, times: ["createdAt"], info: response.info)
        }
    }

    private func chosen(_ engine: Engine) async throws -> [String] {
        let found = try await choice.pods(engine)
        guard !found.isEmpty else {
            throw CommandError(
                "inspect pods", nil, choice.isGiven ? "none is chosen by these options" : "there are none")
        }
        return found.map(\.id)
    }

    private func printTable(_ status: Runtime_V1_PodSandboxStatus) throws {
        var details = Details()
        details.add("ID", status.id)
        details.add("Name", status.metadata.name)
        details.add("UID", status.metadata.uid)
        details.add("Namespace", status.metadata.namespace)
        details.add("Attempt", String(status.metadata.attempt))
        details.add("Status", status.state == .sandboxReady ? "Ready" : "NotReady")
        details.add("Created", Clock.text(status.createdAt))
        let addresses = [status.network.ip] + status.network.additionalIps.map(\.ip)
        details.add("IP Addresses", addresses.filter { !$0.isEmpty }.joined(separator: ", "))
        details.add("Labels", status.labels)
        details.add("Annotations", status.annotations)
        try details.print()
    }
}
