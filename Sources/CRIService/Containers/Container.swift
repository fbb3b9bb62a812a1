// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import Cgroups
internal import GRDB
internal import Linux
internal import Logging
internal import MonitorProtocol
internal import NRI
internal import SwiftProtobuf

/// One container of a pod.
///
/// ## Concurrency model
/// An actor that holds no lock across a wait. The end of the first process is delivered once, to `end`; whoever stops
/// or removes waits for that. Stopping and removing are each one piece of work that later requests join.
actor Container {
    /// How far it got; each case has what exists then.
    enum State: Sendable {
        case creating
        case created(MonitoredProcess)
        /// Created from a checkpoint: its processes come to be when it is started.
        case restorable
        case starting(MonitoredProcess)
        case running(MonitoredProcess)
        case exited

        var process: MonitoredProcess? {
            switch self {
            case .creating, .restorable, .exited: nil
            case .created(let process), .starting(let process), .running(let process): process
            }
        }

        var word: String {
            switch self {
            case .creating: "being created"
            case .created, .restorable: "created"
            case .starting: "being started"
            case .running: "running"
            case .exited: "exited"
            }
        }
    }

    nonisolated let id: String
    nonisolated let name: String
    nonisolated let pod: Pod
    nonisolated let config: CRI.ContainerConfig
    nonisolated let createdAt: Int64
    /// The pod's, with another program where the image is of a platform that has one.
    nonisolated let handler: RuntimeHandler
    let engine: Engine

    var record: ContainerRecord
    var state: State
    /// The limits in force, those of the request as later ones changed them.
    var resources: CRI.Resources
    /// Delivered when the first process has ended, or never came to be.
    let end = Promise<Void>()
    /// Making it, until that has ended in one way or the other.
    var creating: Work<Void>?
    var stopping: StopWork?
    var removing: Work<Void>?
    var updating: Work<UpdateMerge?>?
    /// Whoever listens knows that it was started.
    var toldStart = false
    /// Hears of the system calls that its filter forbids.
    var notifier: SeccompNotifier?
    /// Those for which it is being ended.
    var forbiddenCalls: String?
    /// Its processes stand still while their state is written.
    var isCheckpointing = false
    /// The kill has begun: no new process may join.
    var isKilled = false

    /// What it is that is not running, or not any more.
    var stateWord: String { if case .running = state, isKilled { "being killed" } else { state.word } }

    nonisolated var paths: Paths { engine.paths }
    nonisolated var operationName: String { "container/\(id)" }

    /// A container that exists only in memory so far.
    init(
        pod: Pod, engine: Engine, record: ContainerRecord, config: CRI.ContainerConfig, state: State = .creating
    ) {
        self.state = state
        self.pod = pod
        self.engine = engine
        self.record = record
        self.config = config
        resources = config.linux.resources
        id = record.id
        name = record.name
        createdAt = record.createdAt
        handler = pod.handler.with(program: record.runtimePath)
    }

    /// A container that the database knows; its state is what was known then.
    init(pod: Pod, engine: Engine, record: ContainerRecord) throws {
        let process = MonitoredProcess(pid: record.pid ?? 0, startTime: UInt64(record.startTime ?? 0))
        let state: State =
            switch record.state {
            case .creating: .creating
            case .created: record.pid == nil ? .restorable : .created(process)
            case .running: .running(process)
            case .exited: .exited
            }
        let config = try CRI.ContainerConfig(serializedBytes: record.config)
        self.init(pod: pod, engine: engine, record: record, config: config, state: state)
        if case .exited = state { end.succeed(()) }
    }

    func save() async throws {
        record.revision += 1
        try await engine.records.save(record)
    }

    /// Writes down what a restarted daemon has to know; after a loss of power the container has ended anyway.
    func note() async throws {
        record.revision += 1
        try await engine.records.note(record)
    }

    func begin(_ kind: OperationRecord.Kind) async throws {
        let operation = OperationRecord(name: operationName, kind: kind, startedAt: KernelClock.realtime)
        try await engine.records.note { try operation.save($0) }
    }

    /// Writes the row, and that the operation in flight is over.
    func saveAndFinish() async throws {
        record.revision += 1
        let (record, operation) = (record, operationName)
        try await engine.records.write { db in
            try record.updateIfNewer(db)
            _ = try OperationRecord.deleteOne(db, key: operation)
        }
    }

    func cgroup() throws -> any CgroupDriver { try engine.cgroups.driver(record.cgroup) }

    /// The first process has ended, as the monitor says.
    func ended(_ exit: ExitRecord) async {
        guard record.state != .exited else { return }
        record.exitCode = Int32(exit.code)
        record.reason = exit.reason
        record.finishedAt = Int64(exit.finished)
        if let started = exit.started { record.startedAt = Int64(started) }
        if exit.oomKilled {
            record.message = "killed by the kernel: the container's memory limit was reached"
            engine.metrics.noteOOMKill(of: name)
        } else if let forbiddenCalls {
            // CRI-O's words, which programs look for.
            record.reason = "seccomp killed"
            record.message = "Used forbidden syscalls: \(forbiddenCalls)"
        }
        await becomeExited()
    }

    /// Killed by us because nobody watches it any more.
    func monitorLost() async {
        if let creating, case .creating = state { _ = try? await creating.value }
        guard record.state != .exited else { return }
        if let exit = readExitRecord() { return await ended(exit) }
        isKilled = true
        await killCgroup()
        record.exitCode = 137
        record.reason = "MonitorLost"
        record.message = "the pod's monitor ended unexpectedly, and the container was killed with it"
        record.finishedAt = KernelClock.realtime
        await becomeExited()
    }

    /// The monitor's word on disk; nil when it wrote none.
    func readExitRecord() -> ExitRecord? {
        (try? Syscall.readText(paths.exitRecord(id))).flatMap { ExitRecord(parsing: $0) }
    }

    private func becomeExited() async {
        let wasStarted: Bool
        switch state {
        case .starting, .running: wasStarted = true
        case .creating, .created, .restorable, .exited: wasStarted = false
        }
        state = .exited
        record.state = .exited
        notifier?.end()
        notifier = nil
        // Without a PID namespace of its own, others of the container outlive its first process.
        if config.linux.securityContext.pidMode != .container { await killCgroup() }
        // How it ended the monitor has on disk.
        do { try await note() } catch { engine.log.error("record end of container \"\(id)\": \(error)") }
        end.succeed(())
        guard engine.table.isVisible(id) else { return }
        if let plugins = engine.plugins, !plugins.isQuiet(id, .ends) { Task { await tellPluginsOfEnd() } }
        if wasStarted { tellStart() }
        engine.events.post(.containerStoppedEvent, id, of: pod)
    }

    /// Kills every process of the container.
    func killCgroup() async {
        do {
            let driver = try cgroup()
            try await BlockingPool.run { if driver.exists { try driver.kill() } }
        } catch {
            engine.log.error("kill processes of container \"\(id)\": \(error)")
        }
    }

    /// Brings the state to what the monitor, met again, says; nil when it does not know the container.
    func synchronise(_ seen: ContainerStatus.State?) async {
        if case .restorable = state {
            guard seen != nil else { return }
            return await startFailed("skiffd ended while the container was restored")
        }
        switch seen {
        case .exited(let exit): await ended(exit)
        case .running(let process, let started):
            guard record.state != .exited else { return }
            restartNotifier()
            state = .running(process)
            toldStart = true
            guard record.state != .running else { return }
            record.state = .running
            record.startedAt = Int64(started)
            do { try await note() } catch { engine.log.error("record container \"\(id)\": \(error)") }
        case .created, .creating: restartNotifier()
        case nil:
            if record.state == .created || record.state == .running { await monitorLost() }
        }
    }
}
