// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import EngineConfiguration
internal import OCIImageSpec

/// The labels of a container: of its processes, and of the files that are made for it.
package struct SELinuxLabels: Hashable, Sendable {
    package var process: SELinuxContext
    package var file: SELinuxContext

    /// What makes the labels of a container.
    struct Sources {
        /// What the container and its pod state.
        var container = CRI.SELinuxOption()
        var pod = CRI.SELinuxOption()
        /// The level that the pod got when it was made; "" for a pod without labels.
        var level = ""
        var isPrivileged = false
        var runsSystemd = false
        /// That of the machine.
        var policy: SELinuxPolicy?
    }

    /// nil for a container that keeps the daemon's label. A label that is stated holds for every container; without one,
    /// privileged ones have none.
    init?(_ sources: Sources) {
        let stated = [sources.container, sources.pod].first { $0 != CRI.SELinuxOption() }
        guard stated != nil || !sources.level.isEmpty && !sources.isPrivileged,
            let policy = sources.policy ?? SELinuxPolicy.usual
        else { return nil }
        process = sources.runsSystemd ? policy.initProcess ?? policy.process : policy.process
        if !sources.level.isEmpty { process.level = sources.level }
        if let stated { process = process.with(stated) }
        file = policy.file
        file.level = process.level
    }

    /// Whether labels keep the pod apart; one that shares much with the node could not use that otherwise.
    static func isolates(_ pod: CRI.PodConfig, _ runtime: DaemonConfig.Runtime) -> Bool {
        let security = pod.linux.securityContext
        let options = security.namespaceOptions
        if security.pidMode == .node || options.ipc == .node { return false }
        return options.network != .node || !runtime.hostNetworkDisablesSELinux
    }
}

extension Pod {
    /// The labels of one of its containers.
    nonisolated func labels(_ config: CRI.ContainerConfig, _ image: ImageConfig.Execution) -> SELinuxLabels? {
        let security = config.linux.securityContext
        return SELinuxLabels(
            .init(
                container: security.selinuxOptions, pod: self.config.linux.securityContext.selinuxOptions, level: level,
                isPrivileged: security.privileged, runsSystemd: SystemdCommand.isMeant(by: config, image: image),
                policy: engine.host.selinux))
    }

    /// The label of files that all of its containers see.
    nonisolated var fileLabel: String? {
        guard engine.host.hasSELinux else { return nil }
        return SELinuxLabels(
            .init(pod: config.linux.securityContext.selinuxOptions, level: level, policy: engine.host.selinux)
        )?.file.text
    }
}

extension Engine {
    /// The level of a new pod, by which its containers can be told from others'; "" for a pod without labels.
    func level(of pod: CRI.PodConfig) throws(ServiceError) -> String {
        let runtime = config.runtime
        guard runtime.selinux, let policy = host.selinux, SELinuxLabels.isolates(pod, runtime) else { return "" }
        let stated = pod.linux.securityContext.selinuxOptions.level
        return stated.isEmpty ? try policy.newLevel(beside: Set(table.allPods.map(\.level))) : stated
    }
}
