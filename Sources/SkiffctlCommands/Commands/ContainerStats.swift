// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

struct ContainerStats: EngineCommand {
    static let configuration = CommandConfiguration(commandName: "stats", abstract: "Print what containers use.")

    @Flag(name: .shortAndLong, help: "Containers in any state, not only running ones.")
    var all = false
    @Option(help: "Only the container with this id.")
    var id: String?
    @Option(name: .shortAndLong, help: "Only containers of the pod with this id, or beginning of it.")
    var pod: String?
    @Option(help: "Only containers with this label, key=value; may be repeated.")
    var label: [String] = []
    @Option(help: "Only containers whose name matches this regular expression.")
    var name: String?
    @Option(name: .shortAndLong, help: "Seconds over which the use of CPU is measured.")
    var seconds: Int64 = 1
    @Flag(name: .shortAndLong, help: "Print again and again, until interrupted.")
    var watch = false
    @Option(name: .shortAndLong, help: "Form of the output: table, json or yaml.")
    var output = OutputFormat.table
    @Argument(help: "Id of a container, or its beginning.")
    var container: String?
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if seconds < 1 { throw ValidationError("The time must be at least a second.") }
        if id != nil, container != nil { throw ValidationError("Give either --id or an id.") }
    }

    func run(_ engine: Engine) async throws {
        var filter = Runtime_V1_ContainerStatsFilter()
        filter.labelSelector = try ListFilter.labels(label)
        if let text = id ?? container { filter.id = try await engine.container(text, for: "find").id }
        if let pod { filter.podSandboxID = try await engine.pod(pod, for: "find").id }
        let matches = try ListFilter.pattern(name)
        var before: [Runtime_V1_ContainerStats] = []
        if output == .table { before = try await engine.containerStats(filter, all: all) }
        repeat {
            if output == .table || watch { try await Task.sleep(for: .seconds(seconds)) }
            let now = try await engine.containerStats(filter, all: all).filter { matches($0.attributes.metadata.name) }
            try print(now, before)
            before = now
        } while watch
    }

    private func print(_ stats: [Runtime_V1_ContainerStats], _ before: [Runtime_V1_ContainerStats]) throws {
        if output != .table {
            let items = try stats.map { try ProtoJSON.value($0, shape: Shapes.containerStats) }
            return try output.print(.object(["stats": .array(items)]))
        }
        let earlier = Dictionary(before.map { ($0.attributes.id, $0.cpu) }) { first, _ in first }
        var table = Table(["CONTAINER", "NAME", "CPU %", "MEM", "DISK", "INODES", "SWAP"])
        for item in stats {
            table.append([
                HumanUnits.shortID(item.attributes.id), item.attributes.metadata.name,
                CPUShare.text(item.cpu, since: earlier[item.attributes.id]),
                HumanUnits.size(item.memory.workingSetBytes.value), HumanUnits.size(item.writableLayer.usedBytes.value),
                String(item.writableLayer.inodesUsed.value), HumanUnits.size(item.swap.swapUsageBytes.value),
            ])
        }
        try table.print()
    }
}

extension Engine {
    /// The list holds running containers; with `all` the others are asked for one by one.
    func containerStats(
        _ filter: Runtime_V1_ContainerStatsFilter, all: Bool
    ) async throws -> [Runtime_V1_ContainerStats] {
        var request = Runtime_V1_ListContainerStatsRequest()
        request.filter = filter
        var found = try await call("list statistics of containers") {
            try await runtime.listContainerStats(request, options: $0).stats
        }
        guard all else { return found }
        var others = Runtime_V1_ContainerFilter()
        others.id = filter.id
        others.podSandboxID = filter.podSandboxID
        others.labelSelector = filter.labelSelector
        let known = Set(found.map(\.attributes.id))
        for container in try await containers(others) where !known.contains(container.id) {
            var request = Runtime_V1_ContainerStatsRequest()
            request.containerID = container.id
            found.append(
                try await call("read statistics of container", container.id) {
                    try await runtime.containerStats(request, options: $0).stats
                })
        }
        return found
    }
}
