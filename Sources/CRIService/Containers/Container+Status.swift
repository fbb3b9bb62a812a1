// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import Linux
internal import MonitorProtocol
internal import OCIRuntimeSpec
internal import SwiftProtobuf

extension Engine {
    func containerStatus(
        _ id: String, verbose: Bool
    ) async throws -> (status: Runtime_V1_ContainerStatus, info: [String: String]) {
        let container = try table.container(id)
        return (await container.status, verbose ? try await container.info() : [:])
    }

    /// Containers that fit, newest first.
    func listContainers(_ filter: Runtime_V1_ContainerFilter) async throws -> [Runtime_V1_Container] {
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
        // Messages are large: what is sorted out is none yet, and what is moved about while sorting neither.
        containers.sort { ($1.createdAt, $1.id) < ($0.createdAt, $0.id) }
        let state = filter.hasState ? filter.state.state : nil
        var items: [Runtime_V1_Container] = []
        for container in containers {
            if let item = await container.summary(in: state) { items.append(item) }
        }
        return items
    }
}

extension Container {
    private var criState: Runtime_V1_ContainerState {
        switch state {
        case .creating, .created, .restorable, .starting: .containerCreated
        case .running: .containerRunning
        case .exited: .containerExited
        }
    }

    var status: Runtime_V1_ContainerStatus {
        .with {
            $0.id = id
            $0.metadata = config.metadata
            $0.state = criState
            $0.createdAt = createdAt
            $0.startedAt = record.startedAt
            $0.finishedAt = record.finishedAt
            $0.exitCode = record.exitCode
            $0.image = config.image
            $0.imageRef = record.imageRef
            $0.imageID = record.imageID
            $0.reason = record.reason
            $0.message = record.message
            $0.labels = config.labels
            $0.annotations = config.annotations
            $0.mounts = config.mounts
            $0.logPath = record.logPath
            $0.resources.linux = resources
            $0.user.linux.uid = Int64(record.user.uid)
            $0.user.linux.gid = Int64(record.user.gid)
            $0.user.linux.supplementalGroups = record.user.groups.map { Int64($0) }
            $0.stopSignal = StopSignal.constant(of: Signal(rawValue: record.stopSignal))
        }
    }

    /// What lists tell; nil where it is in another than the wanted state.
    func summary(in wanted: Runtime_V1_ContainerState?) -> Runtime_V1_Container? {
        let state = criState
        if let wanted, wanted != state { return nil }
        return Runtime_V1_Container.with {
            $0.id = id
            $0.podSandboxID = pod.id
            $0.metadata = config.metadata
            $0.image = config.image
            $0.imageRef = record.imageRef
            $0.imageID = record.imageID
            $0.state = state
            $0.createdAt = createdAt
            $0.labels = config.labels
            $0.annotations = config.annotations
        }
    }

    private struct Info: Encodable {
        var sandboxID: String
        var pid: Int32
        var privileged: Bool
        /// Output that the disk did not take.
        var lostLogBytes: UInt64?
        var runtimeSpec: Spec?
    }

    func info() async throws -> [String: String] {
        let file = paths.spec(id)
        // The bundle of a container that is being made may not be there yet.
        let text = await BlockingPool.run { try? Syscall.readFile(file) }
        let info = Info(
            sandboxID: pod.id, pid: state.process?.pid ?? 0,
            privileged: config.linux.securityContext.privileged, lostLogBytes: await lostLogBytes(),
            runtimeSpec: text.flatMap { JSON.decode(Spec.self, $0) })
        return ["info": try JSON.text(info)]
    }
}
