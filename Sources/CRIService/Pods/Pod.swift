// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import Cgroups
internal import EngineConfiguration
internal import GRDB
internal import Linux
internal import MonitorProtocol
internal import SwiftProtobuf

/// One pod: its monitor, its network, its files and its containers.
///
/// ## Concurrency model
/// An actor that holds no lock across a wait: what was true before an `await` is asked again after it. Stopping and
/// removing are each one piece of work that later requests join. Everything that must be undone is in the database
/// before it exists, and `destroy` undoes all of it in whatever state the pod is.
actor Pod {
    nonisolated let id: String
    nonisolated let name: String
    nonisolated let config: CRI.PodConfig
    nonisolated let plan: PodPlan
    nonisolated let handler: RuntimeHandler
    nonisolated let createdAt: Int64
    /// See `PodRecord.level`.
    nonisolated let level: String
    let engine: Engine

    var record: PodRecord
    var containers: [String: Container] = [:]
    /// The conversation with the monitor, while there is one.
    var link: MonitorLink?
    var monitor: MonitorWatch?
    /// No container may be made any more.
    var isStopping = false
    /// The monitor's end is our wish.
    var endsMonitor = false
    var stopping: Work<Void>?
    var removing: Work<Void>?
    var leaving: Work<Void>?

    nonisolated var paths: Paths { engine.paths }

    /// A pod that exists only in memory so far.
    init(engine: Engine, id: String, config: CRI.PodConfig, plan: PodPlan, handler: RuntimeHandler) throws {
        self.engine = engine
        self.id = id
        self.config = config
        self.plan = plan
        self.handler = handler.driving(plan.cgroup)
        name = plan.name
        createdAt = KernelClock.realtime
        level = try engine.level(of: config)
        record = PodRecord(
            id: id, name: plan.name, state: .creating, createdAt: createdAt, handler: handler.name,
            runtimePath: handler.path, runtimeRoot: handler.root, config: try config.serializedData(),
            cgroup: plan.cgroup.path, ownsCgroup: plan.cgroup.isOwn, level: level)
    }

    /// A pod that the database knows.
    init(engine: Engine, record: PodRecord) throws {
        self.engine = engine
        self.record = record
        id = record.id
        name = record.name
        createdAt = record.createdAt
        level = record.level
        config = try CRI.PodConfig(serializedBytes: record.config)
        plan = try PodPlan(config, cgroup: PodCgroup(path: record.cgroup, isOwn: record.ownsCgroup))
        handler = RuntimeHandler(
            of: record, configured: engine.handlers[record.handler], run: engine.paths.run
        ).driving(plan.cgroup)
    }

    /// Whether containers can be made and run.
    var isReady: Bool { record.state == .ready && !isStopping }

    /// The pinned user namespace; nil for the machine's users.
    nonisolated var userNamespace: String? { plan.users.map { _ in paths.namespace(id, "user") } }

    /// Where logs are that nobody has named a folder for.
    nonisolated var logFolder: String { "\(engine.config.runtime.logDir)/\(id)" }

    var ips: [String] { record.ips.split(separator: ",").map(String.init) }

    /// Writes down what a restarted daemon has to know; after a loss of power the pod has ended anyway.
    func note() async throws {
        record.revision += 1
        try await engine.records.note(record)
    }

    nonisolated var operationName: String { "pod/\(id)" }

    /// Notes that something begins which a restarted daemon has to finish or undo.
    func begin(_ kind: OperationRecord.Kind) async throws {
        let operation = OperationRecord(name: operationName, kind: kind, startedAt: KernelClock.realtime)
        try await engine.records.note { try operation.save($0) }
    }

    nonisolated func cgroup() throws -> any CgroupDriver { try engine.cgroups.driver(plan.cgroup.path) }

    nonisolated func monitorCgroup() throws -> any CgroupDriver {
        try engine.cgroups.driver(plan.cgroup.monitor(of: id))
    }

    /// The link, or the error that there is none.
    func monitorLink() throws(ServiceError) -> MonitorLink {
        guard let link else { throw MonitorLink.lost }
        return link
    }

    func container(_ id: String) -> Container? { containers[id] }
    func adopt(_ container: Container) { containers[container.id] = container }
    func forget(_ container: Container) { containers[container.id] = nil }
}
