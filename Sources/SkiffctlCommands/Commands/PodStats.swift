// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

struct PodStats: EngineCommand {
    static let configuration = CommandConfiguration(commandName: "statsp", abstract: "Print what pods use.")

    @Option(help: "Only the pod with this id.")
    var id: String?
    @Option(help: "Only pods with this label, key=value; may be repeated.")
    var label: [String] = []
    @Option(help: "Only pods whose name matches this regular expression.")
    var name: String?
    @Option(name: .shortAndLong, help: "Seconds over which the use of CPU is measured.")
    var seconds: Int64 = 1
    @Flag(name: .shortAndLong, help: "Print again and again, until interrupted.")
    var watch = false
    @Option(name: .shortAndLong, help: "Form of the output: table, json or yaml.")
    var output = OutputFormat.table
    @Argument(help: "Id of a pod, or its beginning.")
    var pod: String?
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if seconds < 1 { throw ValidationError("The time must be at least a second.") }
        if id != nil, pod != nil { throw ValidationError("Give either --id or an id.") }
    }

    func run(_ engine: Engine) async throws {
        var filter = Runtime_V1_PodSandboxStatsFilter()
        filter.labelSelector = try ListFilter.labels(label)
        if let text = id ?? pod { filter.id = try await engine.pod(text, for: "find").id }
        let matches = try ListFilter.pattern(name)
        var before = output == .table ? try await engine.podStats(filter) : []
        repeat {
            if output == .table || watch { try await Task.sleep(for: .seconds(seconds)) }
            let now = try await engine.podStats(filter).filter { matches($0.attributes.metadata.name) }
            try print(now, before)
            before = now
        } while watch
    }

    private func print(_ stats: [Runtime_V1_PodSandboxStats], _ before: [Runtime_V1_PodSandboxStats]) throws {
        if output != .table {
            let items = try stats.map { try ProtoJSON.value($0, shape: Shapes.podStats) }
            return try output.print(.object(["stats": .array(items)]))
        }
        let earlier = Dictionary(before.map { ($0.attributes.id, $0.linux.cpu) }) { first, _ in first }
        var table = Table(["POD", "POD ID", "CPU %", "MEM"])
        for item in stats {
            table.append([
                item.attributes.metadata.name, HumanUnits.shortID(item.attributes.id),
                CPUShare.text(item.linux.cpu, since: earlier[item.attributes.id]),
                HumanUnits.size(item.linux.memory.workingSetBytes.value),
            ])
        }
        try table.print()
    }
}

extension Engine {
    func podStats(_ filter: Runtime_V1_PodSandboxStatsFilter) async throws -> [Runtime_V1_PodSandboxStats] {
        var request = Runtime_V1_ListPodSandboxStatsRequest()
        request.filter = filter
        return try await call("list statistics of pods") {
            try await runtime.listPodSandboxStats(request, options: $0).stats
        }
    }
}
