// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Cgroups
internal import Linux
internal import OCIRuntimeSpec

extension ContainerCreation {
    static func checkTerminal(_ plan: ContainerPlan, _ request: CreateRequest) throws(PlanError) {
        let hasSocket = request.consoleSocket != nil
        if plan.process.hasTerminal, !request.isForeground, !hasSocket {
            throw PlanError("cannot allocate tty if the runtime will detach without setting console socket")
        }
        if !plan.process.hasTerminal, hasSocket {
            throw PlanError("cannot use console socket if the runtime will not detach or allocate tty")
        }
    }

    /// What stays mounted below the new root makes the kernel allow any procfs and sysfs to a user namespace's root.
    static func checkPivot(_ plan: ContainerPlan, _ request: CreateRequest) throws(PlanError) {
        if !request.pivots, plan.hasUserNamespace { throw .unsupported("--no-pivot with a user namespace") }
    }

    static func checkRights(_ plan: ContainerPlan) throws(PlanError) {
        if Syscall.effectiveUserID != 0, !plan.hasUserNamespace {
            throw PlanError("rootless container requires user namespaces")
        }
    }

    /// Makes the cgroup and remembers which one it is. systemd makes it around the process.
    mutating func establish(_ driver: any CgroupDriver, member: Int32?) throws {
        var resources = plan.resources
        if postponedLimit != nil { resources.pids = nil }
        try driver.establish(resources, member: member, properties: unitProperties)
        record.cgroupIdentity = try driver.identity()
    }

    /// How the process enters its cgroup by itself; nil where it is moved there: by systemd, or because it has an
    /// intermediate process before it, and a limit of one task would be hit by two.
    private func entrance(
        _ driver: any CgroupDriver, _ joined: [JoinedNamespace]
    ) throws -> CgroupEntrance? {
        driver.needsMember || Isolation(plan.namespaces, joined).needsIntermediate ? nil : try driver.entrance()
    }

    /// The path without links: mounts are made on it and found by it.
    static func resolveRootfs(_ path: String) throws -> String {
        do throws(Errno) {
            let directory = try Syscall.open(path, [.path, .directory])
            let resolved = try Syscall.readLink(directory.procPath)
            guard try directory.status().isDirectory else { throw .ENOTDIR }
            return resolved
        } catch {
            throw RuntimeError("invalid rootfs: stat \(path): \(error)")
        }
    }

    static func addNotifySocket(to plan: inout ContainerPlan, _ directory: String) throws(PlanError) {
        let mount = Mount(
            destination: NotifySocket.directory, type: "bind", source: directory,
            options: ["bind", "nosuid", "noexec", "nodev", "ro"])
        plan.mounts.append(try MountPlan(mount, bundle: plan.bundle))
        plan.process.environment.removeAll { $0.hasPrefix("NOTIFY_SOCKET=") }
        plan.process.environment.append(NotifySocket.variable)
    }

    /// The directory, and the socket in it where the program begins at once.
    func makeNotifySocket() throws -> NotifySocket? {
        guard let manager = request.notifySocket else { return nil }
        let directory = store.notifyDirectory(request.id)
        try SystemError.attempt("create", directory) { () throws(Errno) in
            try Syscall.makeDirectory(directory, mode: 0o755)
        }
        return request.waitsForStart ? nil : try NotifySocket(manager, in: directory)
    }

    func connectConsole() throws -> SharedConsole? {
        guard let path = request.consoleSocket else { return nil }
        return SharedConsole(try ConsoleSocket(path))
    }

    /// Opens, compiles and makes all that init takes with it.
    func prepareContext(_ driver: any CgroupDriver) throws -> InitContext {
        let joined = try plan.namespaces.joined.map { try JoinedNamespace($0.kind, $0.path) }
        try refuseNamesOfTheHost(joined)
        let hostProc = try HostProc()
        return InitContext(
            plan: plan, cgroup: try visibleCgroup(), entrance: try entrance(driver, joined), hostProc: hostProc,
            joined: joined,
            openedSources: try openSources(joined, hostProc), fifo: try makeFifo(),
            confinement: try ProcessConfinement(
                plan.process, plan.seccomp, hasUserNamespace: plan.hasUserNamespace),
            keyring: record.keyring,
            preservedDescriptors: request.preservedDescriptors, pivots: request.pivots,
            isRootless: request.isRootless,
            state: Container(record, in: store).state(.creating))
    }

    /// What a mount of cgroups shows; without a cgroup of its own the container is in the caller's.
    private func visibleCgroup() throws -> CgroupLocation {
        guard record.cgroup.subtrees.isEmpty else { return record.cgroup }
        return try CgroupLayout.detect().location(ofProcess: Syscall.processID)
    }

    /// A namespace that is joined may still be the host's own, whose names and parameters are not the container's.
    private func refuseNamesOfTheHost(_ joined: [JoinedNamespace]) throws {
        let shared = Set(joined.filter(\.belongsToHost).map(\.kind))
        if let sysctl = plan.sysctls.first(where: { shared.contains($0.namespace) }) {
            throw RuntimeError(
                "sysctl \"\(sysctl.path)\" is not allowed in the host \(sysctl.namespace.rawValue) namespace")
        }
        if shared.contains(.uts), plan.hostName != nil || plan.domainName != nil {
            throw RuntimeError("unable to set hostname or domainname in the host uts namespace")
        }
    }

    /// The cgroup must be nobody's: neither of processes, nor of a stopped container that still counts on it.
    func requireFreeCgroup(_ driver: any CgroupDriver) throws {
        if try driver.requireUnused(), let id = store.owner(of: record.cgroup, besides: request.id) {
            throw RuntimeError("container's cgroup belongs to the container \"\(id)\"")
        }
    }

    private func makeFifo() throws -> SharedFD? {
        guard request.waitsForStart else { return nil }
        let path = store.fifo(request.id)
        return try SystemError.attempt("create", path) { () throws(Errno) in
            try Syscall.makeNode(path, mode: 0o010622, device: DeviceNumber(major: 0, minor: 0))
            // With a writing end of its own the reader is never at the end of the file, so a plain read(2) waits.
            return SharedFD(try Syscall.open(path, .readWrite))
        }
    }

    /// The runtime's side of the protocol in InitMessages.swift.
    mutating func attend(
        _ process: inout InitProcess, _ driver: any CgroupDriver, _ console: SharedConsole?,
        _ context: InitContext, _ isolation: Isolation
    ) throws -> SharedFD? {
        try note(process)
        try store.save(record)
        try process.channel.waitForIsolation()
        try enterCgroup(process, driver, context.entrance)
        CPUAffinityPlan.reset(process.pid)
        try record.resctrl?.add(process.pid)
        try context.confinement.raiseLimits(of: process.pid)
        try adjustOOMScore(process.pid, context.hostProc)
        try writeMappings(process.pid, context.hostProc)
        try mapSourcesToContainer(context.openedSources, process.pid, context.hostProc)
        try moveNetworkDevices(process.pid)
        try process.channel.proceed()
        if plan.hasHooks { try runHooksOutside(process) }
        let terminal = plan.process.hasTerminal ? try receiveTerminal(process, console) : nil
        try attendFilterAndBirth(&process, driver, context, isolation)
        try process.channel.waitForReadiness()
        for path in [request.pidfdSocket, plan.extensions.pidfdReceiver] {
            if let path { try DescriptorSocket.send(pidfd: process.pidfd, to: path) }
        }
        // Not before: under SCHED_DEADLINE a process cannot fork, and hooks inside the container are its children.
        try plan.process.scheduling.apply(to: process.pid)
        record.creator = nil
        try store.save(record)
        hasPidFile = true
        try writePidFile(process.pid)
        try process.channel.proceed()
        if !request.waitsForStart { try awaitExecution(process) }
        return terminal
    }

    private mutating func note(_ process: borrowing InitProcess) throws {
        let pid = process.pid
        record.pid = pid
        record.processStartTime = try SystemError.attempt("read", "/proc/\(pid)/stat") { () throws(Errno) in
            try ProcStat(pid).startTime
        }
    }

    private mutating func attendFilterAndBirth(
        _ process: inout InitProcess, _ driver: any CgroupDriver, _ context: InitContext, _ isolation: Isolation
    ) throws {
        let entry = ProcessEntry(context, plan.process, isolation, nil)
        try entry.attendFilterAndBirth(&process, Container(record, in: store).state(.creating))
        guard entry.hasSuccessor else { return }
        try note(process)
        if let limit = postponedLimit { try driver.update(limit) }
    }

    /// The number of processes, where the container's own is not the first in its cgroup.
    private var postponedLimit: LinuxResources? {
        guard case .join = plan.namespaces[.pid], let pids = plan.resources.pids else { return nil }
        var limit = LinuxResources()
        limit.pids = pids
        return limit
    }

    func makeResctrlGroup() throws {
        guard let group = record.resctrl, let wanted = plan.resctrl else { return }
        let existed = try group.create(wanted)
        try group.configure(wanted, existed: existed)
        try group.createMonitoring()
    }

    private mutating func moveNetworkDevices(_ pid: Int32) throws {
        if plan.networkDevices.isEmpty { return }
        var devices = try NetworkDevices(to: pid)
        try devices.move(plan.networkDevices)
        networkDevices = devices
    }

    private mutating func enterCgroup(
        _ process: borrowing InitProcess, _ driver: any CgroupDriver, _ entrance: CgroupEntrance?
    ) throws {
        if driver.needsMember {
            try establish(driver, member: process.pid)
            try store.save(record)
        } else if let entrance {
            if !process.isBornInCgroup { try entrance.admit(process.pid) }
        } else {
            try driver.add(process.pid)
        }
        if let owner = plan.cgroupOwner { try driver.delegate(toUser: owner) }
    }

    private mutating func runHooksOutside(_ process: borrowing InitProcess) throws {
        try process.channel.waitForRootfs()
        let state = Container(record, in: store).state(.creating)
        hasRunHooks = true
        try HookRunner.run(plan.hooks.prestart, .prestart, state, directory: plan.bundle)
        try HookRunner.run(plan.hooks.createRuntime, .createRuntime, state, directory: plan.bundle)
        try process.channel.proceed()
    }

    private func awaitExecution(_ process: borrowing InitProcess) throws {
        try process.channel.waitForExecution()
        try HookRunner.run(
            plan.hooks.poststart, .poststart, Container(record, in: store).state(.running), directory: plan.bundle)
    }

    private func receiveTerminal(
        _ process: borrowing InitProcess, _ console: SharedConsole?
    ) throws -> SharedFD? {
        let (name, master) = try process.channel.waitForTerminal()
        guard let console else {
            try ForegroundSession.prepare(master)
            return master
        }
        try console.send(name, master.rawValue)
        return nil
    }

    private func adjustOOMScore(_ pid: Int32, _ proc: HostProc) throws {
        guard let score = plan.process.oomScoreAdjustment else { return }
        try OOMScore.set(score, of: pid, proc)
    }

    /// Only for a new user namespace; one that is joined has its mappings. See user_namespaces(7).
    private func writeMappings(_ pid: Int32, _ proc: HostProc) throws {
        guard plan.namespaces[.user] == .create else { return }
        try IDMapper(plan: plan, searchPath: request.searchPath, hostProc: proc).map(pid)
    }

    static func text(of mappings: [LinuxIDMapping]) -> String {
        mappings.map { "\($0.containerID) \($0.hostID) \($0.size)\n" }.joined()
    }

    func writePidFile(_ pid: Int32) throws {
        if let path = request.pidFile { try ProcessIDFile.write(path, pid) }
    }
}
