// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

typealias ContainerStats = Stats<ContainerStatsSubject>

struct ContainerStatsSubject: StatsSubject {
    static let configuration = CommandConfiguration(commandName: "stats", abstract: "Print what containers use.")
    static let columns = ["CONTAINER", "NAME", "CPU %", "MEM", "DISK", "INODES", "SWAP"]
    static let shape = Shapes.containerStats

    @Flag(name: .shortAndLong, help: "Containers in any state, not only running ones.")
    var all = false
    @Option(name: .shortAndLong, help: "Only containers of the pod with this id, or beginning of it.")
    var pod: String?

    func find(
        _ text: String?, labels: [String: String], _ engine: Engine
    ) async throws -> [Runtime_V1_ContainerStats] {
        var filter = Runtime_V1_ContainerStatsFilter()
        filter.labelSelector = labels
        if let text { filter.id = try await engine.container(text, for: "find").id }
        if let pod { filter.podSandboxID = try await engine.pod(pod, for: "find").id }
        return try await engine.containerStats(filter, all: all)
    }

    static func id(_ item: Runtime_V1_ContainerStats) -> String { item.attributes.id }
    static func name(_ item: Runtime_V1_ContainerStats) -> String { item.attributes.metadata.name }
    static func cpu(_ item: Runtime_V1_ContainerStats) -> Runtime_V1_CpuUsage { item.cpu }

    static func row(_ item: Runtime_V1_ContainerStats, cpu: String) -> [String] {
        [
            HumanUnits.shortID(id(item)), name(item), cpu, HumanUnits.size(item.memory.workingSetBytes.value),
            HumanUnits.size(item.writableLayer.usedBytes.value), String(item.writableLayer.inodesUsed.value),
            HumanUnits.size(item.swap.swapUsageBytes.value),
        ]
    }
}

extension Engine {
    /// The list holds running containers; with `all` the others are asked for one by one.
    fileprivate func containerStats(
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
