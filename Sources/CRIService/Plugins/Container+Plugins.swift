// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import EngineConfiguration
internal import Linux
internal import Logging
internal import MonitorProtocol
internal import NRI
internal import NRIAPI
internal import OCIRuntimeSpec
internal import SwiftProtobuf

extension Container {
    var hasExited: Bool { if case .exited = state { true } else { false } }

    private var pluginState: NRIContainerState {
        switch state {
        case .creating: .containerUnknown
        case .created, .restorable, .starting: .containerCreated
        case .running: isCheckpointing ? .containerPaused : .containerRunning
        case .exited: .containerStopped
        }
    }

    /// The container as plugins are told of it, with what its bundle says, if it has one.
    func pluginView() async -> NRIContainer {
        let file = paths.spec(id)
        let text = await BlockingPool.run { try? Syscall.readFile(file) }
        return pluginView(text.flatMap { JSON.decode(Spec.self, $0) } ?? Spec())
    }

    /// The same with a specification that may not be on disk yet.
    func pluginView(_ spec: Spec) -> NRIContainer {
        var view = NRIContainer(spec)
        (view.id, view.podSandboxID, view.name) = (id, pod.id, config.metadata.name)
        (view.state, view.labels) = (pluginState, config.labels)
        view.annotations = config.annotations.merging(view.annotations) { $1 }
        view.pid = UInt32(state.process?.pid ?? 0)
        (view.createdAt, view.startedAt, view.finishedAt) = (createdAt, record.startedAt, record.finishedAt)
        (view.exitCode, view.statusReason) = (record.exitCode, record.reason)
        view.statusMessage = record.message
        view.cdiDevices = CDIRequest.names(config).map { name in .with { $0.name = name } }
        let security = config.linux.securityContext
        view.linux.seccompProfile = .with {
            switch security.hasSeccomp ? security.seccomp.profileType : .unconfined {
            case .runtimeDefault: $0.profileType = .runtimeDefault
            case .localhost: ($0.profileType, $0.localhostRef) = (.localhost, security.seccomp.localhostRef)
            case .unconfined, .UNRECOGNIZED: $0.profileType = .unconfined
            }
        }
        return view
    }

    /// Tells plugins of an event; throws when one refuses it.
    func tellPlugins(_ event: NRIEvent, _ step: PluginHub.Step) async throws {
        guard let hub = engine.plugins, !hub.isQuiet(id, step) else { return }
        let (pod, view) = (await pod.pluginView, await pluginView())
        try await hub.tell(.with { ($0.event, $0.pod, $0.container) = (event, pod, view) }, id, step)
    }

    /// The same where nothing can be refused any more.
    func notePlugins(_ event: NRIEvent, _ step: PluginHub.Step) async {
        do { try await tellPlugins(event, step) } catch { engine.log.warning("container \"\(id)\": \(error)") }
    }

    /// Tells plugins that the container has ended, once, and does to others what they want.
    func tellPluginsOfEnd() async {
        guard let hub = engine.plugins, !hub.isQuiet(id, .ends) else { return }
        let (pod, view) = (await pod.pluginView, await pluginView())
        let merge = await hub.stop(.with { ($0.pod, $0.container) = (pod, view) })
        _ = await engine.carryOut(merge.updates)
    }

    /// Asks plugins how the limits shall be changed; nil where there are none.
    func askPlugins(_ limits: LinuxResources) async throws -> UpdateMerge? {
        guard let hub = engine.plugins, !hub.isQuiet(id, .goesOn) else { return nil }
        let (pod, view) = (await pod.pluginView, await pluginView())
        return try await hub.update(
            .with { ($0.pod, $0.container, $0.linuxResources) = (pod, view, NRILinuxResources(limits)) })
    }

    /// The specification as plugins want it.
    func adjusted(_ spec: Spec, _ input: SpecBuilder.Input) async throws -> Spec {
        guard let hub = engine.plugins, !hub.isQuiet(id, .appears) else { return spec }
        let (podView, view) = (await pod.pluginView, pluginView(spec))
        let merge = try await hub.create(.with { ($0.pod, $0.container) = (podView, view) })
        if let failed = await engine.carryOut(merge.others.updates).first {
            throw ServiceError(.failed, "update container", failed.update.containerID, failed.cause)
        }
        await engine.carryOut(merge.evictions)
        var result = try SpecAdjustment.apply(merge, to: spec)
        result = try await add(merge.adjustment.cdiDevices.map(\.name), to: result, input)
        try setCgroup(merge.adjustment.linux.cgroupsPath, in: &result)
        result.linux?.resources?.bindSwap(on: engine.host)
        let (old, new) = (spec.linux?.resources ?? LinuxResources(), result.linux?.resources ?? LinuxResources())
        let least = engine.minimumMemory(of: handler)
        if let limit = new.memory?.limit, limit > 0, limit < least {
            throw ServiceError(.invalid, "set memory limit", "\(limit)", "the least is \(least) bytes")
        }
        resources.overlay(new, over: old)
        var config = config
        config.linux.resources = resources
        record.config = try config.serializedData()
        try await note()
        return result
    }

    private func add(_ devices: [String], to spec: Spec, _ input: SpecBuilder.Input) async throws -> Spec {
        guard !devices.isEmpty else { return spec }
        let folders = engine.config.runtime.cdiSpecDirs
        let (edits, nodes) = try await BlockingPool.run {
            let edits = try CDIRegistry(folders: folders).edits(devices)
            let nodes = try edits.flatMap { $0.deviceNodes ?? [] }.map { node in
                try node.device(asking: { try DeviceSources.node(at: $0) })
            }
            return (edits, nodes)
        }
        return SpecBuilder.add(edits, nodes, to: spec, input)
    }

    /// The engine has to find the container's processes, and clears away no more than the pod's cgroup.
    private func setCgroup(_ path: String, in spec: inout Spec) throws(ServiceError) {
        guard !path.isEmpty, path != spec.linux?.cgroupsPath else { return }
        let parent = pod.plan.cgroup
        guard parent.driver == .cgroupfs, PathText.isAt(path, orBelow: parent.path), !PathText.climbs(path),
            path != parent.path
        else {
            throw ServiceError(
                .failed, "move container to cgroup", path,
                parent.driver == .cgroupfs ? "it is not below the pod's, \(parent.path)" : "systemd makes the cgroups")
        }
        record.cgroup = path
        spec.linux?.cgroupsPath = path
    }
}

extension LinuxResources {
    /// Swap that nobody has mentioned gets what memory has, as with a request.
    mutating func bindSwap(on host: HostFacts) {
        guard host.limitsSwap, let limit = memory?.limit, memory?.swap == nil else { return }
        memory?.swap = limit
    }
}

extension CRI.Resources {
    /// What has become of limits, where plugins changed them.
    mutating func overlay(_ new: LinuxResources, over old: LinuxResources) {
        func changed<Value: Equatable>(_ place: KeyPath<LinuxResources, Value?>) -> Value? {
            new[keyPath: place] == old[keyPath: place] ? nil : new[keyPath: place]
        }
        if let shares = changed(\.cpu?.shares) { cpuShares = Int64(clamping: shares) }
        if let quota = changed(\.cpu?.quota) { cpuQuota = quota }
        if let period = changed(\.cpu?.period) { cpuPeriod = Int64(clamping: period) }
        if let cpus = changed(\.cpu?.cpus) { cpusetCpus = cpus }
        if let mems = changed(\.cpu?.mems) { cpusetMems = mems }
        if let limit = changed(\.memory?.limit) { memoryLimitInBytes = limit }
        if let swap = changed(\.memory?.swap) { memorySwapLimitInBytes = swap }
        for limit in changed(\.hugepageLimits) ?? [] {
            hugepageLimits.removeAll { $0.pageSize == limit.pageSize }
            hugepageLimits.append(.with { ($0.pageSize, $0.limit) = (limit.pageSize, limit.limit) })
        }
        unified.merge(changed(\.unified) ?? [:]) { $1 }
    }
}
