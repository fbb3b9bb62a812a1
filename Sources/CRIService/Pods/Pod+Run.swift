// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CNI
internal import CRIAPI
internal import Cgroups
internal import EngineConfiguration
internal import GRDB
internal import Linux
internal import Logging
internal import MonitorProtocol
internal import NRI
internal import NRIAPI
internal import OCIRuntimeSpec
internal import Synchronization
internal import Traces

extension Engine {
    /// Makes a pod and returns its id; the one of the same name, if it is ready.
    func runPod(_ config: CRI.PodConfig, handler name: String) async throws -> String {
        let handler = try handler(name)
        try SELinuxContext.check(config.linux.securityContext.selinuxOptions)
        let defaults = podDefaults(handler, config.annotations)
        let annotation = try UserNamespaceAnnotation(config, defaults.allowedAnnotations)
        let config = if case .ranges(let users) = annotation { config.with(users) } else { config }
        let id = Identifier.random()
        let plan = try PodPlan(config, id: id, cgroupNaming, defaults)
        return try await creations.run("pod/\(plan.name)") { id in
            do { try await self.removePod(id) } catch { self.log.warning("undo abandoned pod \"\(id)\": \(error)") }
        } _: {
            CreationStage.enter("sandbox creating")
            if let present = self.table.pod(named: plan.name) {
                if await present.isReady { return present.id }
                throw ServiceError(
                    .exists, "run pod", config.metadata.name, "pod \"\(present.id)\" has its name, and is not ready")
            }
            let pod: Pod
            if case .unused(let count) = annotation {
                pod = try await self.podWithUnusedUsers(count, id, config, defaults, handler)
            } else {
                pod = try Pod(engine: self, id: id, config: config, plan: plan, handler: handler)
                self.table.add(pod, visible: false)
            }
            do {
                try await pod.run()
            } catch {
                await pod.undo()
                throw ServiceError.wrap(error, "run pod", config.metadata.name)
            }
            self.table.show(id)
            self.events.post(.containerCreatedEvent, id, of: pod)
            self.events.post(.containerStartedEvent, id, of: pod)
            return id
        }
    }
}

extension Engine {
    /// A new pod in the table, whose users no other one there has.
    private func podWithUnusedUsers(
        _ count: UInt32, _ id: String, _ config: CRI.PodConfig, _ defaults: PodPlan.Defaults, _ handler: RuntimeHandler
    ) async throws -> Pod {
        let ids = try await BlockingPool.run { try SubordinateIDs.read() }
        return try userChoice.withLock { _ in
            let config = config.with(try ids.unused(count, besides: table.allPods.compactMap(\.plan.users)))
            let plan = try PodPlan(config, id: id, cgroupNaming, defaults)
            let pod = try Pod(engine: self, id: id, config: config, plan: plan, handler: handler)
            table.add(pod, visible: false)
            return pod
        }
    }

    private func podDefaults(_ handler: RuntimeHandler, _ annotations: [String: String]) -> PodPlan.Defaults {
        let runtime = config.runtime
        let sysctls = runtime.defaultSysctls.map { text in
            let name = String(text.prefix { $0 != "=" })
            return (name, String(text.dropFirst(name.count + 1)))
        }
        return PodPlan.Defaults(
            allowedAnnotations: runtime.allowedAnnotations(ofHandler: handler.name, annotations),
            sysctls: Dictionary(sysctls) { $1 })
    }
}

extension Pod {
    /// The steps that make the pod, in their order; `destroy` undoes as many as were made.
    func run() async throws {
        var arguments = try NetworkArguments.make(config, cgroup: plan.cgroup.path)
        if !engine.config.cni.mapsHostPorts { arguments["portMappings"] = nil }
        let network = try plan.usesHostNetwork ? nil : currentNetwork(arguments)
        for name in plan.refusedSysctls {
            engine.log.warning("pod \"\(id)\": sysctl \"\(name)\" is not of the pod's own namespaces and is not set")
        }
        try await recordCreation()
        try await makeFolders()
        if let linked = try linkedLogs() { try await BlockingPool.run { try linked.mount() } }
        CreationStage.enter("sandbox namespace creation")
        let ready = try await traced("start monitor") { try await startMonitor() }
        if let network { try await joinNetwork(network, arguments) }
        CreationStage.enter("sandbox storage creation")
        let (id, paths, plan, config, ips, label) = (id, paths, plan, config, ips, fileLabel)
        try await BlockingPool.run {
            try PodFiles.make(id, paths, plan: plan, config: config, ips: ips, label: label)
        }
        _ = try await monitorLink().request(.adopt, within: MonitorLink.patience)
        // Adopted: it no longer needs to know that somebody waits for it to become ready.
        _ = consume ready
        // Before it is on record as ready: a daemon that is started while plugins think undoes what nobody was told of.
        try await tellPlugins(.runPodSandbox, .appears)
        try await recordReady()
    }

    /// The volume that shows the pod's logs, if there shall be one.
    nonisolated func linkedLogs() throws(ServiceError) -> LinkedLogs? {
        let runtime = engine.config.runtime
        let rules = runtime.allowedAnnotations(ofHandler: handler.name, config.annotations)
        return try LinkedLogs(config, rules, kubelet: runtime.kubeletDir)
    }

    private func currentNetwork(_ arguments: [String: JSONValue]) throws(ServiceError) -> NetworkList {
        do {
            return try engine.networks.network(for: arguments)
        } catch {
            throw ServiceError(.unavailable, "set up network", nil, "\(error)")
        }
    }

    /// On disk with the attachment, before there is anything that outlasts the machine.
    private func recordCreation() async throws {
        let record = record
        let operation = OperationRecord(name: operationName, kind: .run, startedAt: createdAt)
        try await engine.records.note { db in
            try record.insert(db)
            try operation.insert(db)
        }
    }

    private func recordReady() async throws {
        guard !isStopping else {
            throw ServiceError(.failed, "use monitor", nil, "it ended before the pod was ready")
        }
        record.state = .ready
        record.revision += 1
        let (record, operation) = (record, operationName)
        try await engine.records.write { db in
            try record.updateIfNewer(db)
            _ = try OperationRecord.deleteOne(db, key: operation)
        }
    }

    private func makeFolders() async throws {
        var folders: [(String, UInt32)] = [(paths.pod(id), 0o711), (paths.namespaces(id), 0o755)]
        if !config.logDirectory.isEmpty { folders.append((config.logDirectory, 0o755)) }
        let cgroups = plan.cgroup.driver == .cgroupfs ? [try cgroup(), try monitorCgroup()] : []
        try await BlockingPool.run { [folders, engine] in
            for (folder, mode) in folders {
                try SystemError.attempt("make directory", folder) { () throws(Errno) in
                    try Syscall.makeDirectories(folder, mode: mode)
                }
            }
            try engine.cgroupParentLock.withLock { _ in
                for cgroup in cgroups { try cgroup.create() }
            }
        }
    }

    /// Starts the monitor, writes down which process it is, and connects.
    private func startMonitor() async throws -> SharedFD {
        let cgroup = try monitorCgroup()
        // systemd makes a cgroup around a process.
        let entered = cgroup.needsMember ? [] : cgroup.location.subtrees.map(\.directory)
        var process = MonitorProcess(
            program: engine.config.runtime.monitor, podID: id, paths: paths, namespaces: plan.namespaces,
            users: plan.users, hostname: plan.usesHostNetwork ? nil : config.hostname, sysctls: plan.sysctls,
            cgroups: entered, birthPlace: cgroup.needsMember ? nil : cgroup.location.unified)
        process.journal = engine.config.runtime.journal
        let started = try await BlockingPool.run { [process] in try process.start() }
        record.monitorPID = started.pid
        record.monitorStart = Int64(started.startTime)
        try await note()
        watchMonitor(started.pidfd, isChild: true)
        if cgroup.needsMember { try await enclose(started.pid, cgroup) }
        try await connect()
        return started.ready
    }

    /// Has systemd make the monitor's cgroup, and with it those above.
    private func enclose(_ monitor: Int32, _ cgroup: any CgroupDriver) async throws {
        let properties = [UnitProperty("Description", .string("Skiff's monitor of pod \(id)"))]
        try await BlockingPool.run { [engine] in
            try engine.cgroupParentLock.withLock { _ in
                try cgroup.establish(LinuxResources(), member: monitor, properties: properties)
            }
        }
    }

    /// Joins the network; the attachment is on record before the first plugin runs.
    private func joinNetwork(_ network: NetworkList, _ arguments: [String: JSONValue]) async throws {
        let attachment = AttachmentRecord(
            pod: id, network: network.name, interface: Networks.interface, namespace: paths.namespace(id, "net"))
        try await engine.records.write { try attachment.insert($0) }
        let place = Networks.attachment(
            pod: id, config, namespace: attachment.namespace, arguments: arguments)
        CreationStage.enter("sandbox network creation")
        let begun = KernelClock.monotonic
        do throws(CNIError) {
            let result = try await traced("CNI ADD", [.init("network", network.name)]) { () throws(CNIError) in
                try await engine.networks.runtime.add(network, place)
            }
            record.ips = result.containerIPs.joined(separator: ",")
            let end = KernelClock.monotonic
            engine.metrics.noteNetworkSetup(nanoseconds: end - begun, ended: end)
        } catch {
            throw ServiceError(.failed, "set up network", network.name, "\(error)")
        }
    }
}
