// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

struct InspectPods: EngineCommand {
    static let configuration = CommandConfiguration(commandName: "inspectp", abstract: "Print the status of pods.")

    @Option(name: .shortAndLong, help: "Form of the output: json, yaml or table.")
    var output = OutputFormat.json
    @Flag(name: .shortAndLong, help: "Leave out what the engine tells on top.")
    var quiet = false
    @Argument(help: "Ids of pods, or their beginnings.")
    var pods: [String]
    @OptionGroup var global: GlobalOptions

    func run(_ engine: Engine) async throws {
        try await forEach(pods) { text in
            let id = try await engine.pod(text, for: "inspect").id
            var request = Runtime_V1_PodSandboxStatusRequest()
            request.podSandboxID = id
            request.verbose = !quiet
            let response = try await engine.call("inspect pod", text) {
                try await engine.runtime.podSandboxStatus(request, options: $0)
            }
            if output == .table { return try printTable(response.status) }
            let status = try ProtoJSON.value(response.status, shape: Shapes.podSandboxStatus)
            try output.print(InspectDocument.make(status, times: ["createdAt"], info: response.info))
        }
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
