// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CNI
internal import CRIAPI
internal import EngineConfiguration

/// The networks that pods join.
struct Networks: Sendable {
    private let config: DaemonConfig.CNI
    let runtime: CNIRuntime

    init(_ config: DaemonConfig.CNI) {
        self.config = config
        runtime = CNIRuntime(binDirs: config.binDirs, cacheDir: config.cacheDir, timeout: config.timeout)
    }

    /// The network of new pods as its file is now; throws why there is none or why it cannot work.
    func current() throws(CNIError) -> NetworkList {
        let network = try NetworkFolder(reading: config.confDir).network(named: config.defaultNetwork)
        try runtime.checkPlugins(of: network)
        return network
    }

    /// The interface of a pod in its network.
    static let interface = "eth0"

    /// What plugins are told of a pod.
    static func attachment(pod id: String, _ config: CRI.PodConfig, namespace: String) -> NetworkAttachment {
        let metadata = config.metadata
        return NetworkAttachment(
            containerID: id, namespace: namespace, interface: interface,
            arguments: [
                ("IgnoreUnknown", "1"), ("K8S_POD_NAMESPACE", metadata.namespace), ("K8S_POD_NAME", metadata.name),
                ("K8S_POD_INFRA_CONTAINER_ID", id), ("K8S_POD_UID", metadata.uid),
            ].map { (key: $0.0, value: $0.1) },
            capabilityArguments: capabilities(config))
    }

    static func capabilities(_ config: CRI.PodConfig) -> [String: JSONValue] {
        let mappings = config.portMappings.filter { $0.hostPort > 0 }.map { mapping -> JSONValue in
            var members: [String: JSONValue] = [
                "hostPort": .integer(Int(mapping.hostPort)), "containerPort": .integer(Int(mapping.containerPort)),
                "protocol": .string(name(mapping.protocol)),
            ]
            if !mapping.hostIp.isEmpty { members["hostIP"] = .string(mapping.hostIp) }
            return .object(members)
        }
        return mappings.isEmpty ? [:] : ["portMappings": .array(mappings)]
    }

    private static func name(_ value: Runtime_V1_Protocol) -> String {
        switch value {
        case .udp: "udp"
        case .sctp: "sctp"
        case .tcp, .UNRECOGNIZED: "tcp"
        }
    }
}
