// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import Cgroups
internal import EngineConfiguration
internal import GRDB
internal import ImageStore
internal import Linux
internal import Logging
internal import MonitorProtocol
internal import NRI
internal import NRIAPI
internal import OCIImageSpec
internal import OCIRuntimeSpec
internal import SwiftProtobuf
internal import Traces

extension Engine {
    /// Makes a container in a ready pod and returns its id.
    func createContainer(
        pod podID: String, _ config: CRI.ContainerConfig, podConfig: CRI.PodConfig
    ) async throws -> String {
        let pod = try table.pod(podID)
        guard config.hasMetadata, !config.metadata.name.isEmpty else {
            throw ServiceError(.invalid, "create container", nil, "its metadata has no name")
        }
        let name = "\(config.metadata.name)_\(pod.name)_\(config.metadata.attempt)"
        return try await creations.run("container/\(name)") { id in
            do { try await self.removeContainer(id) } catch {
                self.log.warning("undo abandoned container \"\(id)\": \(error)")
            }
        } _: {
            CreationStage.enter("container creating")
            do {
                return try await pod.createContainer(named: name, config, podConfig: podConfig)
            } catch {
                throw ServiceError.wrap(error, "create container", config.metadata.name)
            }
        }
    }
}

extension Pod {
    /// Makes a container and returns its id.
    func createContainer(
        named name: String, _ config: CRI.ContainerConfig, podConfig: CRI.PodConfig
    ) async throws -> String {
        if let present = engine.table.container(named: name) {
            throw ServiceError(
                .exists, "use name", config.metadata.name, "container \"\(present.id)\" of this pod has it")
        }
        guard isReady else { throw ServiceError(.state, "use pod", id, "it is not ready") }
        if config.linux.securityContext.privileged && !self.config.linux.securityContext.privileged {
            throw ServiceError(.invalid, "use pod", id, "a privileged container needs a privileged pod")
        }
        try checkUsers(of: config)
        try SELinuxContext.check(config.linux.securityContext.selinuxOptions)
        let namespace = podConfig.metadata.namespace
        var checkpoint = try await checkpoint(at: config.image.image)
        var image = try await engine.images.require(config.image, of: checkpoint, namespace: namespace)
        if checkpoint == nil {
            checkpoint = try await self.checkpoint(in: image, called: config.image.image)
            if let checkpoint {
                image = try await engine.images.require(config.image, of: checkpoint, namespace: namespace)
            }
        }
        if let type = image.artifactType {
            throw ServiceError(
                .invalid, "use image", config.image.image,
                "it is an artifact of the type \(type), which can be mounted but not run")
        }
        guard isReady, engine.table.container(named: name) == nil else {
            throw ServiceError(.state, "use pod", id, "it is being stopped")
        }
        let containerID = Identifier.random()
        let execution = image.config.config ?? ImageConfig.Execution()
        let signal = try StopSignal.choose(
            request: config.stopSignal, image: execution.stopSignal,
            forSystemd: SystemdCommand.isMeant(by: config, image: execution))
        let (options, platform) = (engine.config.runtime.options(ofHandler: handler.name), image.config.platform)
        let record = ContainerRecord(
            id: containerID, pod: id, name: name, state: .creating, createdAt: KernelClock.realtime,
            imageID: image.id.description, imageRef: image.repoDigests.first ?? image.id.description,
            config: try config.serializedData(), user: .init(uid: 0, gid: 0, groups: []),
            stopSignal: signal.rawValue,
            logPath: try Self.logPath(config, in: podConfig, or: self.config, or: logFolder),
            cgroup: plan.cgroup.container(containerID),
            runtimePath: options.path(forPlatform: platform.os, platform.architecture) ?? "")
        let container = Container(pod: self, engine: engine, record: record, config: config)
        containers[containerID] = container
        engine.table.add(container, visible: false)
        do {
            try await container.create(image, from: checkpoint)
        } catch {
            await container.undo()
            throw error
        }
        await container.notePlugins(.postCreateContainer, .goesOn)
        engine.table.show(containerID)
        engine.events.post(.containerCreatedEvent, containerID, of: self)
        return containerID
    }

    /// The users of all containers are the pod's; a request that says nothing of them agrees.
    private func checkUsers(of config: CRI.ContainerConfig) throws(ServiceError) {
        let options = config.linux.securityContext.namespaceOptions
        guard options.hasUsernsOptions, try UserMapping(options) != plan.users else { return }
        throw ServiceError(.invalid, "use user namespace", nil, "the container's is another than the pod's")
    }

    /// The log's path, below the pod's folder of logs; "" when no log is wanted.
    static func logPath(
        _ config: CRI.ContainerConfig, in podConfig: CRI.PodConfig, or own: CRI.PodConfig, or other: String
    ) throws(ServiceError) -> String {
        let folder = [podConfig.logDirectory, own.logDirectory].first { !$0.isEmpty } ?? other
        guard !config.logPath.isEmpty else { return "" }
        guard !PathText.climbs(config.logPath) else {
            throw ServiceError(.invalid, "use log path", config.logPath, "it leads out of the pod's log directory")
        }
        return folder + "/" + config.logPath
    }
}

extension Container {
    func create(_ image: Image, from checkpoint: Checkpoint?) async throws {
        let work = Work { try await self.createNow(image, checkpoint) }
        creating = work
        defer { creating = nil }
        try await work.value
    }

    /// The steps that make the container, in their order; `remove` undoes as many as were made.
    private func createNow(_ image: Image, _ checkpoint: Checkpoint?) async throws {
        try await recordCreation()
        CreationStage.enter("container storage creation")
        let rootfs = try await traced("mount root file system") { try await mountRootfs(image) }
        let parts = if let checkpoint { try await unpack(checkpoint) } else { CheckpointParts?.none }
        CreationStage.enter("container spec configuration")
        let input = try await specInput(image, rootfs: rootfs)
        record.user = input.user
        var spec = try await adjusted(SpecBuilder.build(input), input)
        if let parts { spec = try RestoredSpec(former: try parts.spec(), wanted: spec).build() }
        let (paths, id, logPath) = (paths, id, record.logPath)
        let (linked, log) = (try pod.linkedLogs(), config.logPath)
        try await BlockingPool.run { [spec] in
            try Self.writeBundle(spec, id, paths, logPath: logPath)
            if !log.isEmpty { try linked?.link(log, of: id) }
        }
        try startNotifier(spec)
        if parts != nil {
            guard case .creating = state else { return }
            state = .restorable
            record.state = .created
            return try await saveAndFinish()
        }
        let console = config.tty ? paths.consoleSocket(id) : nil
        CreationStage.enter("container runtime creation")
        let process = try await traced("\(handler.name) create") {
            try await createProcess(handler.create(id, paths, console: console), "create")
        }
        guard case .creating = state else { return }
        state = .created(process)
        record.state = .created
        record.pid = process.pid
        record.startTime = Int64(process.startTime)
        try await saveAndFinish()
    }

    private func mountRootfs(_ image: Image) async throws -> String {
        try await engine.images.mountRootfs(
            container: id, image: image.id,
            options: RootfsOptions(
                userNamespace: pod.userNamespace, label: fileLabel(image.config.config ?? ImageConfig.Execution())))
    }

    /// On disk with the record of the root file system, before there is anything that outlasts the machine.
    private func recordCreation() async throws {
        let record = record
        let operation = OperationRecord(name: operationName, kind: .create, startedAt: createdAt)
        try await engine.records.note { db in
            try record.insert(db)
            try operation.insert(db)
        }
    }

    private static func writeBundle(_ spec: Spec, _ id: String, _ paths: Paths, logPath: String) throws {
        let text = try JSON.encode(spec)
        let file = paths.spec(id)
        try SystemError.attempt("write", file) { () throws(Errno) in try AtomicFile.write(file, text, mode: 0o600) }
        let folder = paths.container(id)
        try SystemError.attempt("make directory", folder) { () throws(Errno) in
            try Syscall.makeDirectories(folder, mode: 0o711)
        }
        guard let slash = logPath.lastIndex(of: "/") else { return }
        let logs = String(logPath[..<slash])
        try SystemError.attempt("make directory", logs) { () throws(Errno) in
            try Syscall.makeDirectories(logs, mode: 0o755)
        }
    }

    /// Has the monitor run a command that makes the container and writes the pid of its first process.
    func createProcess(_ command: RuntimeCommand, _ verb: String) async throws -> MonitoredProcess {
        let console = config.tty ? paths.consoleSocket(id) : nil
        let request = CreateRequest(
            container: id, command: command, pidFile: paths.pidFile(id),
            exitFile: paths.exitRecord(id), logPath: record.logPath.isEmpty ? "/dev/null" : record.logPath,
            logLimit: UInt64(engine.config.runtime.logSizeLimit), stdin: config.stdin, stdinOnce: config.stdinOnce,
            consoleSocket: console, oomEventsFile: try cgroup().oomEventsFile)
        let link = try await pod.monitorLink()
        let limit = engine.config.runtime.options(ofHandler: handler.name).createTimeout
        switch await Creation(link: link, request: request, limit: limit, log: engine.log).end() {
        case .answer(.success(.created(let process))): return process
        case .answer(.success):
            throw ServiceError(.failed, "run", handler.path, "unexpected answer of the monitor")
        case .answer(.failure(let error)): throw runtimeError(error, verb)
        case .late(let cause):
            throw ServiceError(
                .deadline, "\(handler.name) \(verb)", nil, "it was not ready after \(limit), and \(cause)")
        }
    }

    /// The runtime's own words, where it wrote some to its log.
    func runtimeError(_ error: any Error, _ verb: String) -> any Error {
        guard let text = RuntimeLog.lastError(paths.runtimeLog(id)) else { return error }
        return ServiceError(.failed, "\(handler.name) \(verb)", nil, text)
    }

    /// Undoes a container that was not made to the end; what cannot be undone now is tried again later.
    func undo() async {
        do {
            try await remove()
        } catch {
            engine.repeatUntilDone("undo container \"\(id)\"") { try await self.remove() }
        }
    }
}
