// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

struct UpdateContainers: EngineCommand {
    static let configuration = CommandConfiguration(
        commandName: "update", abstract: "Change the limits of containers; what is not given stays.")

    @Option(help: "Length of a period of CPU time in microseconds.")
    var cpuPeriod: Int64 = 0
    @Option(parsing: .unconditional, help: "CPU time in each period in microseconds; -1 is unlimited.")
    var cpuQuota: Int64 = 0
    @Option(name: [.customLong("cpu-share"), .customLong("cpu-shares")], help: "Share of CPU time.")
    var cpuShare: Int64 = 0
    @Option(help: "Memory in bytes.")
    var memory: Int64 = 0
    @Option(parsing: .unconditional, help: "Memory and swap together in bytes; -1 is unlimited.")
    var memorySwap: Int64 = 0
    @Option(help: "CPUs that may be used, such as 0-3,7.")
    var cpusetCpus = ""
    @Option(help: "Memory nodes that may be used.")
    var cpusetMems = ""
    @Option(parsing: .unconditional, help: "Who dies first when memory runs out, -1000 to 1000.")
    var oomScoreAdj: Int64 = 0
    @Argument(help: "Ids of containers, or their beginnings.")
    var containers: [String]
    @OptionGroup var global: GlobalOptions

    func run(_ engine: Engine) async throws {
        try await forEach(containers) { text in
            let id = try await engine.container(text, for: "update").id
            var request = Runtime_V1_UpdateContainerResourcesRequest()
            request.containerID = id
            request.linux = resources
            _ = try await engine.call("update container", id, patience: .work(0)) {
                try await engine.runtime.updateContainerResources(request, options: $0)
            }
            try Console.print(id)
        }
    }

    private var resources: Runtime_V1_LinuxContainerResources {
        var resources = Runtime_V1_LinuxContainerResources()
        resources.cpuPeriod = cpuPeriod
        resources.cpuQuota = cpuQuota
        resources.cpuShares = cpuShare
        resources.memoryLimitInBytes = memory
        resources.memorySwapLimitInBytes = memorySwap
        resources.cpusetCpus = cpusetCpus
        resources.cpusetMems = cpusetMems
        resources.oomScoreAdj = oomScoreAdj
        return resources
    }
}
