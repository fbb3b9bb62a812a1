// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

typealias PodStats = Stats<PodStatsSubject>

struct PodStatsSubject: StatsSubject {
    static let configuration = CommandConfiguration(commandName: "statsp", abstract: "Print what pods use.")
    static let columns = ["POD", "POD ID", "CPU %", "MEM"]
    static let shape = Shapes.podStats

    func find(
        _ text: String?, labels: [String: String], _ engine: Engine
    ) async throws -> [Runtime_V1_PodSandboxStats] {
        var filter = Runtime_V1_PodSandboxStatsFilter()
        filter.labelSelector = labels
        if let text { filter.id = try await engine.pod(text, for: "find").id }
        return try await engine.podStats(filter)
    }

    static func id(_ item: Runtime_V1_PodSandboxStats) -> String { item.attributes.id }
    static func name(_ item: Runtime_V1_PodSandboxStats) -> String { item.attributes.metadata.name }
    static func cpu(_ item: Runtime_V1_PodSandboxStats) -> Runtime_V1_CpuUsage { item.linux.cpu }

    static func row(_ item: Runtime_V1_PodSandboxStats, cpu: String) -> [String] {
        [name(item), HumanUnits.shortID(id(item)), cpu, HumanUnits.size(item.linux.memory.workingSetBytes.value)]
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
