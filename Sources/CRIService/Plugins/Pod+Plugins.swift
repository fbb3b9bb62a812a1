// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import Logging
internal import NRI
internal import NRIAPI
internal import OCIRuntimeSpec
internal import SwiftProtobuf

extension Pod {
    /// The pod as plugins are told of it.
    var pluginView: NRIPodSandbox {
        .with {
            ($0.id, $0.name, $0.uid) = (id, config.metadata.name, config.metadata.uid)
            ($0.namespace, $0.runtimeHandler) = (config.metadata.namespace, handler.name)
            ($0.labels, $0.annotations, $0.ips) = (config.labels, config.annotations, ips)
            $0.pid = UInt32(record.monitorPID ?? 0)
            ($0.linux.cgroupParent, $0.linux.cgroupsPath) = (config.linux.cgroupParent, plan.cgroup.path)
            $0.linux.podOverhead = NRILinuxResources(config.linux.overhead)
            $0.linux.podResources = NRILinuxResources(config.linux.resources)
            $0.linux.namespaces = plan.namespaces.map { kind in
                .with { ($0.type, $0.path) = (kind == "net" ? "network" : kind, paths.namespace(id, kind)) }
            }
        }
    }

    /// Tells plugins of an event; throws when one refuses it.
    func tellPlugins(_ event: NRIEvent, _ step: PluginHub.Step) async throws {
        guard let hub = engine.plugins, !hub.isQuiet(id, step) else { return }
        let view = pluginView
        try await hub.tell(.with { ($0.event, $0.pod) = (event, view) }, id, step)
    }

    /// Tells plugins of limits that the pod shall have; throws when one refuses them.
    func askPlugins(overhead: CRI.Resources, resources: CRI.Resources) async throws {
        guard let hub = engine.plugins, !hub.isQuiet(id, .goesOn) else { return }
        let view = pluginView
        try await hub.updatePod(
            .with {
                $0.pod = view
                $0.overheadLinuxResources = NRILinuxResources(overhead)
                $0.linuxResources = NRILinuxResources(resources)
            })
    }

    /// The same where nothing can be refused any more.
    func notePlugins(_ event: NRIEvent, _ step: PluginHub.Step) async {
        do { try await tellPlugins(event, step) } catch { engine.log.warning("pod \"\(id)\": \(error)") }
    }
}

extension NRILinuxResources {
    /// Limits of a request; what it does not mention is absent.
    init(_ request: CRI.Resources) {
        self.init()
        if request.cpuShares != 0 { cpu.shares.value = UInt64(clamping: request.cpuShares) }
        if request.cpuQuota != 0 { cpu.quota.value = request.cpuQuota }
        if request.cpuPeriod != 0 { cpu.period.value = UInt64(clamping: request.cpuPeriod) }
        if !request.cpusetCpus.isEmpty { cpu.cpus = request.cpusetCpus }
        if !request.cpusetMems.isEmpty { cpu.mems = request.cpusetMems }
        if request.memoryLimitInBytes != 0 { memory.limit.value = request.memoryLimitInBytes }
        if request.memorySwapLimitInBytes != 0 { memory.swap.value = request.memorySwapLimitInBytes }
        hugepageLimits = request.hugepageLimits.map { limit in
            .with { ($0.pageSize, $0.limit) = (limit.pageSize, limit.limit) }
        }
        unified = request.unified
    }
}
