// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import Linux
internal import SwiftProtobuf

extension Engine {
    func podStatus(
        _ id: String, verbose: Bool
    ) async throws -> Runtime_V1_PodSandboxStatusResponse {
        let pod = try table.pod(id)
        let time = KernelClock.realtime
        let (status, containers) = (await pod.status, await pod.containerStatuses())
        let info = verbose ? try await pod.info() : [:]
        return .with {
            $0.status = status
            $0.containersStatuses = containers
            $0.timestamp = time
            $0.info = info
        }
    }

    /// Pods that fit, newest first.
    func listPods(_ filter: Runtime_V1_PodSandboxFilter) async throws -> [Runtime_V1_PodSandbox] {
        var pods = table.pods
        if !filter.id.isEmpty {
            let found = try table.findPod(filter.id)
            pods = found.map { [$0] } ?? []
        }
        pods = pods.filter { Labels.match(filter.labelSelector, $0.config.labels) }
        pods.sort { ($1.createdAt, $1.id) < ($0.createdAt, $0.id) }
        let state = filter.hasState ? filter.state.state : nil
        var items: [Runtime_V1_PodSandbox] = []
        for pod in pods {
            if let item = await pod.summary(in: state) { items.append(item) }
        }
        return items
    }
}

/// Selection by labels.
enum Labels {
    /// Whether every label of the selector is there.
    static func match(_ selector: [String: String], _ labels: [String: String]) -> Bool {
        selector.allSatisfy { labels[$0.key] == $0.value }
    }
}

extension Pod {
    private var criState: Runtime_V1_PodSandboxState {
        record.state == .ready && !isStopping ? .sandboxReady : .sandboxNotready
    }

    var status: Runtime_V1_PodSandboxStatus {
        .with {
            $0.id = id
            $0.metadata = config.metadata
            $0.state = criState
            $0.createdAt = createdAt
            $0.network.ip = ips.first ?? ""
            $0.network.additionalIps = ips.dropFirst().map { ip in .with { $0.ip = ip } }
            $0.linux.namespaces.options = config.linux.securityContext.namespaceOptions
            $0.labels = config.labels
            $0.annotations = config.annotations
            $0.runtimeHandler = handler.name
        }
    }

    /// What lists tell; nil where it is in another than the wanted state.
    func summary(in wanted: Runtime_V1_PodSandboxState?) -> Runtime_V1_PodSandbox? {
        let state = criState
        if let wanted, wanted != state { return nil }
        return Runtime_V1_PodSandbox.with {
            $0.id = id
            $0.metadata = config.metadata
            $0.state = state
            $0.createdAt = createdAt
            $0.labels = config.labels
            $0.annotations = config.annotations
            $0.runtimeHandler = handler.name
        }
    }

    private struct Info: Encodable {
        var pid: Int32
        var cgroup: String
        var namespaces: [String: String]
        var runtime: String
    }

    func info() throws -> [String: String] {
        let namespaces = plan.namespaces.map { ($0, paths.namespace(id, $0)) }
        let info = Info(
            pid: record.monitorPID ?? 0, cgroup: record.cgroup,
            namespaces: Dictionary(uniqueKeysWithValues: namespaces), runtime: handler.path)
        return ["info": try JSON.text(info)]
    }
}
