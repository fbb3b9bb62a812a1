// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import Cgroups
internal import Linux
internal import SwiftProtobuf

extension Engine {
    func containerStats(_ id: String) async throws -> Runtime_V1_ContainerStats {
        try await table.container(id).stats()
    }

    /// Statistics of running containers that fit.
    func listContainerStats(_ filter: Runtime_V1_ContainerStatsFilter) async throws -> [Runtime_V1_ContainerStats] {
        var containers = table.containers
        if !filter.id.isEmpty {
            let found = try table.findContainer(filter.id)
            containers = found.map { [$0] } ?? []
        }
        if !filter.podSandboxID.isEmpty {
            let pod = try table.findPod(filter.podSandboxID)
            containers = containers.filter { $0.pod === pod }
        }
        containers = containers.filter { Labels.match(filter.labelSelector, $0.config.labels) }
        return await Self.statsOfRunning(containers).sorted { $0.attributes.id < $1.attributes.id }
    }

    /// In no order; a container that ends meanwhile is left out.
    static func statsOfRunning(_ containers: [Container]) async -> [Runtime_V1_ContainerStats] {
        await withTaskGroup(of: Runtime_V1_ContainerStats?.self) { group in
            for container in containers {
                group.addTask { await container.isRunning ? try? await container.stats() : nil }
            }
            var all: [Runtime_V1_ContainerStats] = []
            for await stats in group { if let stats { all.append(stats) } }
            return all
        }
    }
}

extension Container {
    var isRunning: Bool {
        if case .running = state { true } else { false }
    }

    /// What the container uses. Of one that does not run there is only what it has written.
    func stats() async throws -> Runtime_V1_ContainerStats {
        let time = KernelClock.realtime
        let metrics = state.process == nil ? nil : try await metrics()
        let layer = await engine.layers.usage(of: id, folder: paths.upper(id))
        let (id, config, storage) = (id, config, paths.root)
        let rate = metrics.map {
            engine.rates.rate(of: id, usage: $0.cpu.usage.total, at: time, since: record.startedAt)
        }
        return .with {
            $0.attributes.id = id
            $0.attributes.metadata = config.metadata
            $0.attributes.labels = config.labels
            $0.attributes.annotations = config.annotations
            if let metrics {
                $0.cpu = metrics.cpuUsage(at: time, rate: rate ?? 0)
                $0.memory = metrics.memoryUsage(at: time)
                $0.swap = metrics.swapUsage(at: time)
                $0.io = metrics.ioUsage(at: time)
            }
            if let layer {
                $0.writableLayer.timestamp = layer.time
                $0.writableLayer.fsID.mountpoint = storage
                $0.writableLayer.usedBytes.value = layer.size.bytes
                $0.writableLayer.inodesUsed.value = layer.size.inodes
            }
        }
    }

    /// What the kernel counts in the container's cgroup; nil when that is gone.
    func metrics() async throws -> CgroupMetrics? {
        let driver = try cgroup()
        return try await BlockingPool.run { driver.existsSomewhere ? try driver.metricsWithPressure() : nil }
    }
}
