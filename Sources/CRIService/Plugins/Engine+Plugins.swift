// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import EngineConfiguration
internal import Logging
internal import NRI
internal import NRIAPI
internal import OCIRuntimeSpec
internal import SwiftProtobuf
internal import Synchronization

extension Engine {
    /// Starts the installed plugins and lets others connect, where the configuration wants plugins.
    func startPlugins() async {
        guard config.nri.enable else { return }
        let hub = PluginHub(PluginHub.Settings(config.nri), loop: loop, host: EnginePlugins(engine: self))
        var found: [String: Bool] = [:]
        for pod in table.pods { found[pod.id] = await !pod.isReady }
        for container in table.containers { found[container.id] = await container.hasExited }
        hub.recall(found)
        pluginHub.withLock { $0 = hub }
        await hub.start()
    }

    /// Who is told what happens to pods and containers; nil without plugins.
    var plugins: PluginHub? { pluginHub.withLock { $0 } }

    /// Changes limits as plugins want; returns those that could not be changed and had to be.
    func carryOut(_ updates: [NRIContainerUpdate]) async -> [(update: NRIContainerUpdate, cause: String)] {
        var failed: [(NRIContainerUpdate, String)] = []
        for update in updates {
            do {
                let container = try table.container(update.containerID)
                try await container.update(wanted: update.linux.resources)
            } catch {
                log.warning("update container \"\(update.containerID)\" for an NRI plugin: \(error)")
                if !update.ignoreFailure { failed.append((update, "\(error)")) }
            }
        }
        return failed
    }

    /// Ends containers that plugins want to be gone.
    func carryOut(_ evictions: [NRIContainerEviction]) async {
        for eviction in evictions {
            log.notice("container \"\(eviction.containerID)\" is ended for an NRI plugin: \(eviction.reason)")
            do { try await stopContainer(eviction.containerID, timeout: .zero) } catch { log.warning("\(error)") }
        }
    }
}

extension PluginHub.Settings {
    fileprivate init(_ config: DaemonConfig.NRI) {
        self.init()
        socket = config.disableConnections ? "" : config.listen
        (pluginFolder, configFolder) = (config.pluginDir, config.pluginConfigDir)
        (registrationTimeout, requestTimeout) = (config.registrationTimeout, config.requestTimeout)
        runtimeVersion = Engine.version
        guard config.defaultValidator else { return }
        var rules = AdjustmentRules()
        rules.rejectsHooks = config.rejectHooks
        rules.rejectsDefaultSeccomp = config.rejectDefaultSeccomp
        rules.rejectsUnconfinedSeccomp = config.rejectUnconfinedSeccomp
        rules.rejectsCustomSeccomp = config.rejectCustomSeccomp
        rules.rejectsNamespaces = config.rejectNamespaces
        rules.rejectsSysctls = config.rejectSysctls
        rules.requiredPlugins = config.requiredPlugins
        rules.tolerationAnnotation = config.tolerationAnnotation
        self.rules = rules
    }
}

/// The engine as plugins see it.
private struct EnginePlugins: PluginHost {
    let engine: Engine

    func inventory(_ known: Set<String>) async -> PluginInventory {
        var inventory = PluginInventory()
        for pod in engine.table.allPods where known.contains(pod.id) {
            inventory.pods.append(await pod.pluginView)
            for container in await pod.containers.values where known.contains(container.id) {
                if await !container.hasExited { inventory.containers.append(await container.pluginView()) }
            }
        }
        return inventory
    }

    func update(_ updates: [NRIContainerUpdate]) async -> [NRIContainerUpdate] {
        await engine.carryOut(updates).map(\.update)
    }

    func evict(_ evictions: [NRIContainerEviction]) async { await engine.carryOut(evictions) }

    func report(_ report: PluginReport) {
        switch report {
        case .news(let text): engine.log.info("\(text)")
        case .trouble(let text): engine.log.warning("\(text)")
        }
    }
}
