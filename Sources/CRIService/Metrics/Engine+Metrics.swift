// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import Cgroups
internal import EngineConfiguration
internal import Linux
internal import SwiftProtobuf

extension Engine {
    func metricDescriptors() -> [Runtime_V1_MetricDescriptor] { metricFamilies.map(\.descriptor) }

    /// Those that the configuration wants.
    var metricFamilies: [MetricFamily] { MetricFamily.members(of: config.metrics.podMetrics) }

    /// Metrics of every ready pod and of its running containers.
    func listPodMetrics() async -> [Runtime_V1_PodSandboxMetrics] {
        await withTaskGroup(of: Runtime_V1_PodSandboxMetrics?.self) { group in
            for pod in table.pods {
                // One that is stopped meanwhile is left out.
                group.addTask { await pod.isReady ? try? await pod.allMetrics() : nil }
            }
            var all: [Runtime_V1_PodSandboxMetrics] = []
            for await metrics in group { if let metrics { all.append(metrics) } }
            return all.sorted { $0.podSandboxID < $1.podSandboxID }
        }
    }
}

extension Pod {
    /// Values of the common labels.
    nonisolated func labels(id: String, image: String = "", container: String = "") -> [String] {
        let full = container.isEmpty ? "" : "\(container)_\(name)"
        return [id, full, image, container, config.metadata.namespace, config.metadata.name]
    }

    func allMetrics() async throws -> Runtime_V1_PodSandboxMetrics {
        let driver = try cgroup()
        var source = MetricSource(time: KernelClock.realtime)
        (source.cgroup, source.oomKills) = try await BlockingPool.run {
            guard driver.existsSomewhere else { return (nil, nil) }
            return (try driver.metricsWithPressure(), try driver.stats().memory?.oomKills)
        }
        source.interfaces = await interfaces()
        let common = labels(id: record.cgroup)
        var members: [Runtime_V1_ContainerMetrics] = []
        for container in containers.values {
            // One that ends meanwhile is left out.
            if await container.isRunning, let metrics = try? await container.allMetrics() { members.append(metrics) }
        }
        let (id, finished, families) = (id, source, engine.metricFamilies)
        return .with {
            $0.podSandboxID = id
            $0.metrics = families.flatMap { $0.metrics(finished, common: common) }
            $0.containerMetrics = members.sorted { $0.containerID < $1.containerID }
        }
    }
}

extension Container {
    func allMetrics() async throws -> Runtime_V1_ContainerMetrics {
        let (driver, storage) = (try cgroup(), paths.root)
        let layer = await engine.layers.usage(of: id, folder: paths.upper(id))
        let (time, resources, startedAt) = (KernelClock.realtime, resources, record.startedAt)
        let source = try await BlockingPool.run {
            var source = MetricSource(time: time, resources: resources, startedAt: startedAt)
            guard driver.existsSomewhere else { return source }
            source.cgroup = try driver.metricsWithPressure()
            source.oomKills = try driver.stats().memory?.oomKills
            source.processes = ProcessCounts(try driver.processes())
            source.disk = layer.flatMap { Self.diskUse($0.size, storage) }
            return source
        }
        let common = pod.labels(id: record.cgroup, image: config.image.image, container: config.metadata.name)
        let (id, families) = (id, engine.metricFamilies)
        return .with {
            $0.containerID = id
            $0.metrics = families.flatMap { $0.metrics(source, common: common) }
        }
    }

    private static func diskUse(_ size: TreeSize, _ storage: String) -> MetricSource.DiskUse? {
        // Without the numbers of the file system those of the container are worth nothing to a reader.
        guard let system = try? Syscall.fileSystem(storage) else { return nil }
        return MetricSource.DiskUse(
            device: storage, used: size.bytes, limit: system.blocks * system.blockSize, inodes: system.files,
            inodesFree: system.filesFree)
    }
}
