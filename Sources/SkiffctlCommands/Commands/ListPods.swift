// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

struct ListPods: EngineCommand {
    static let configuration = CommandConfiguration(commandName: "pods", abstract: "List pods.")

    @Option(help: "Only the pod with this id.")
    var id: String?
    @OptionGroup var choice: PodChoice
    @Flag(name: .shortAndLong, help: "Print ids only.")
    var quiet = false
    @Flag(help: "Print whole ids.")
    var noTrunc = false
    @Flag(name: .shortAndLong, help: "Print all of each pod.")
    var verbose = false
    @Option(name: .shortAndLong, help: "Form of the output: table, json or yaml.")
    var output = OutputFormat.table
    @OptionGroup var global: GlobalOptions

    func run(_ engine: Engine) async throws {
        let pods = try await choice.pods(engine, id: id)
        if output != .table { return try printDocument(pods) }
        if quiet { return try pods.forEach { try Console.print($0.id) } }
        if verbose { return try pods.forEach(printAll) }
        try printTable(pods)
    }

    private func printDocument(_ pods: [Runtime_V1_PodSandbox]) throws {
        let items = try pods.map { try ProtoJSON.value($0, shape: Shapes.podSandbox) }
        try output.print(.object(["items": .array(items)]))
    }

    private func printTable(_ pods: [Runtime_V1_PodSandbox]) throws {
        var table = Table(["POD ID", "CREATED", "STATE", "NAME", "NAMESPACE", "ATTEMPT", "RUNTIME"])
        for pod in pods {
            table.append([
                noTrunc ? pod.id : HumanUnits.shortID(pod.id), HumanUnits.age(of: pod.createdAt, now: Clock.now),
                stateName(pod), pod.metadata.name, pod.metadata.namespace, String(pod.metadata.attempt),
                pod.runtimeHandler.isEmpty ? "(default)" : pod.runtimeHandler,
            ])
        }
        try table.print()
    }

    private func printAll(_ pod: Runtime_V1_PodSandbox) throws {
        var details = Details()
        details.add("ID", pod.id)
        details.add("Name", pod.metadata.name)
        details.add("UID", pod.metadata.uid)
        details.add("Namespace", pod.metadata.namespace)
        details.add("Attempt", String(pod.metadata.attempt))
        details.add("Status", stateName(pod))
        details.add("Created", Clock.text(pod.createdAt))
        details.add("Labels", pod.labels)
        details.add("Annotations", pod.annotations)
        details.add("Runtime", pod.runtimeHandler.isEmpty ? "(default)" : pod.runtimeHandler)
        try details.print()
    }

    private func stateName(_ pod: Runtime_V1_PodSandbox) -> String {
        pod.state == .sandboxReady ? "Ready" : "NotReady"
    }
}
