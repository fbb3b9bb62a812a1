// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import Cgroups
internal import Linux
internal import SwiftProtobuf

extension Engine {
    func podStats(_ id: String) async throws -> Runtime_V1_PodSandboxStats { try await table.pod(id).stats() }

    /// Statistics of ready pods that fit.
    func listPodStats(_ filter: Runtime_V1_PodSandboxStatsFilter) async throws -> [Runtime_V1_PodSandboxStats] {
        var pods = table.pods
        if !filter.id.isEmpty {
            let found = try table.findPod(filter.id)
            pods = found.map { [$0] } ?? []
        }
        pods = pods.filter { Labels.match(filter.labelSelector, $0.config.labels) }
        return await withTaskGroup(of: Runtime_V1_PodSandboxStats?.self) { group in
            for pod in pods {
                // One that is stopped meanwhile is left out.
                group.addTask { await pod.isReady ? try? await pod.stats() : nil }
            }
            var all: [Runtime_V1_PodSandboxStats] = []
            for await stats in group { if let stats { all.append(stats) } }
            return all.sorted { $0.attributes.id < $1.attributes.id }
        }
    }
}

extension Pod {
    func stats() async throws -> Runtime_V1_PodSandboxStats {
        let time = KernelClock.realtime
        let metrics = try await metrics()
        let interfaces = await interfaces()
        let containers = await Engine.statsOfRunning(Array(containers.values))
        let (id, config) = (id, config)
        let rate = metrics.map { engine.rates.rate(of: id, usage: $0.cpu.usage.total, at: time, since: createdAt) }
        return .with {
            $0.attributes.id = id
            $0.attributes.metadata = config.metadata
            $0.attributes.labels = config.labels
            $0.attributes.annotations = config.annotations
            $0.linux.containers = containers.sorted { $0.attributes.id < $1.attributes.id }
            if let interfaces { $0.linux.network = Self.network(interfaces, at: time) }
            guard let metrics else { return }
            $0.linux.cpu = metrics.cpuUsage(at: time, rate: rate ?? 0)
            $0.linux.memory = metrics.memoryUsage(at: time)
            $0.linux.io = metrics.ioUsage(at: time)
            $0.linux.process.timestamp = time
            $0.linux.process.processCount.value = metrics.pids.current
        }
    }

    /// What the kernel counts in the pod's cgroup; nil when that is gone.
    func metrics() async throws -> CgroupMetrics? {
        let driver = try cgroup()
        return try await BlockingPool.run { driver.existsSomewhere ? try driver.metricsWithPressure() : nil }
    }

    /// The interfaces of the pod's own network but the loopback; nil for a pod that has none, or has it no more.
    func interfaces() async -> [InterfaceCounters]? {
        guard !plan.usesHostNetwork, isReady else { return nil }
        // The pod may be stopped while we look.
        guard let all = try? await InterfaceCounters.read(namespace: paths.namespace(id, "net")) else { return nil }
        return all.filter { $0.name != "lo" }
    }

    private static func network(_ interfaces: [InterfaceCounters], at time: Int64) -> Runtime_V1_NetworkUsage {
        .with {
            $0.timestamp = time
            for interface in interfaces {
                let usage = Runtime_V1_NetworkInterfaceUsage.with {
                    $0.name = interface.name
                    $0.rxBytes.value = interface.received.bytes
                    $0.rxErrors.value = interface.received.errors
                    $0.txBytes.value = interface.sent.bytes
                    $0.txErrors.value = interface.sent.errors
                }
                if interface.name == Networks.interface {
                    $0.defaultInterface = usage
                } else {
                    $0.interfaces.append(usage)
                }
            }
        }
    }
}
