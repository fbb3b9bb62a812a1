// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CNI
internal import CRIAPI
internal import EngineConfiguration
internal import Linux

/// The networks that pods join. Their folder is read at every use, so that a file counts as soon as it is there.
struct Networks: Sendable {
    private let config: DaemonConfig.CNI
    private let readiness: NetworkReadiness
    let runtime: CNIRuntime

    init(_ config: DaemonConfig.CNI) {
        self.config = config
        readiness = NetworkReadiness(grace: config.statusGrace)
        runtime = CNIRuntime(binDirs: config.binDirs, cacheDir: config.cacheDir, timeout: config.timeout)
    }

    /// The network of new pods as its file is now; throws why there is none or why it cannot work.
    func current() throws(CNIError) -> NetworkList {
        let network = try NetworkFolder(reading: config.confDir).network(named: config.defaultNetwork)
        try runtime.checkPlugins(of: network)
        return network
    }

    /// Why pods cannot join the network now, or nil. Plugins are asked every few seconds at most.
    func problem() async -> CNIError? {
        let networks = self
        do throws(CNIError) {
            let network = try await BlockingPool.run { () throws(CNIError) in try networks.current() }
            return await readiness.problem(of: network, runtime)
        } catch {
            return error
        }
    }

    /// The network for a pod: one with host ports needs a plugin that maps them, and gets `portmap` behind the others
    /// where none does, unless ports are not ours to map.
    func network(for arguments: [String: JSONValue]) throws(CNIError) -> NetworkList {
        let network = try current()
        guard config.mapsHostPorts, arguments["portMappings"] != nil, !network.handles(capability: "portMappings")
        else { return network }
        let mapped = try network.appending([
            "type": "portmap", "snat": .bool(true), "capabilities": ["portMappings": .bool(true)],
        ])
        try runtime.checkPlugins(of: mapped)
        return mapped
    }

    /// Takes a pod out of a network. The plugins' own record of it may have been lost with the machine's power, for only the
    /// engine's is on disk before they begin; then the network counts as it is configured now.
    func leave(_ network: String, _ attachment: NetworkAttachment) async throws(CNIError) {
        let config = config
        let list = await BlockingPool.run { try? NetworkFolder(reading: config.confDir).network(named: network) }
        try await runtime.delete(attachment, from: list)
    }

    /// The interface of a pod in its network.
    static let interface = "eth0"

    /// What plugins are told of a pod.
    static func attachment(
        pod id: String, _ config: CRI.PodConfig, namespace: String, arguments: [String: JSONValue] = [:]
    ) -> NetworkAttachment {
        let metadata = config.metadata
        return NetworkAttachment(
            containerID: id, namespace: namespace, interface: interface,
            arguments: [
                ("IgnoreUnknown", "1"), ("K8S_POD_NAMESPACE", metadata.namespace), ("K8S_POD_NAME", metadata.name),
                ("K8S_POD_INFRA_CONTAINER_ID", id), ("K8S_POD_UID", metadata.uid),
            ].map { (key: $0.0, value: $0.1) },
            capabilityArguments: arguments)
    }
}

/// What the plugins of a network said to STATUS, for a short time.
actor NetworkReadiness {
    private var asked: (network: NetworkList, time: Int64, problem: CNIError?)?
    private var grace: ReadinessGrace<NetworkList>
    private static let validity: Int64 = 5_000_000_000

    init(grace: Duration) { self.grace = ReadinessGrace(grace) }

    /// Why pods cannot join it, or nil; nil too for what has just begun to fail.
    func problem(of network: NetworkList, _ runtime: CNIRuntime) async -> CNIError? {
        let problem = await answer(of: network, runtime)
        guard problem != nil else {
            grace.noteReady(network)
            return nil
        }
        return grace.excuses(network, at: .now) ? nil : problem
    }

    private func answer(of network: NetworkList, _ runtime: CNIRuntime) async -> CNIError? {
        if let asked, asked.network == network, KernelClock.monotonic - asked.time < Self.validity {
            return asked.problem
        }
        var problem: CNIError?
        do throws(CNIError) { try await runtime.status(of: network) } catch { problem = error }
        asked = (network, KernelClock.monotonic, problem)
        return problem
    }
}
