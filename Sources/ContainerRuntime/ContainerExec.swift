// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Cgroups
internal import Linux
internal import OCIRuntimeSpec

/// A process that was executed in a running container.
package struct ExecutedProcess: Sendable {
    let process: SharedPidFD
    /// The master's end of its terminal, where the runtime in the foreground has to carry it.
    let terminal: SharedFD?
}

extension Container {
    /// Executes a process in the container; returns once its program runs. On failure no process is left.
    package func exec(_ request: ExecRequest) throws -> ExecutedProcess {
        switch try status() {
        case .stopped: throw RuntimeError("cannot exec in a stopped container")
        case .creating: throw RuntimeError("cannot exec in a container that is being created")
        case .paused where !request.ignoresPause:
            throw RuntimeError("cannot exec in a paused container (use --ignore-paused to override)")
        case .created, .running, .paused: break
        }
        guard let target = try findProcess() else { throw RuntimeError("cannot exec in a stopped container") }
        do {
            return try ContainerExec(self, request, SharedPidFD(target)).run()
        } catch {
            throw RuntimeError("unable to start container process: \(error)")
        }
    }

    /// What it was created with.
    func configuration() throws -> Spec {
        try BundleConfiguration.parse(try store.loadConfiguration(id), "config.json")
    }
}

/// The way of a process into a running container.
struct ContainerExec {
    let container: Container
    let request: ExecRequest
    let target: SharedPidFD
    let plan: ProcessPlan
    let seccomp: SeccompPlan?

    init(_ container: Container, _ request: ExecRequest, _ target: SharedPidFD) throws {
        try self.init(container, request, target, spec: try container.configuration())
    }

    init(_ container: Container, _ request: ExecRequest, _ target: SharedPidFD, spec: Spec) throws {
        self.container = container
        self.request = request
        self.target = target
        let process = try request.merged(with: spec.process)
        let extensions = try RuntimeAnnotations(spec.annotations ?? [:])
        var plan = try ProcessPlan(process, spec.linux, host: .current())
        plan.keepsGroups = extensions.keepsGroups
        self.plan = plan
        seccomp = try SeccompPlan(spec.linux?.seccomp, extensions)
        if plan.hasTerminal, request.isDetached, request.consoleSocket == nil {
            throw PlanError("cannot allocate tty if the runtime will detach without setting console socket")
        }
        if !plan.hasTerminal, request.consoleSocket != nil {
            throw PlanError("cannot use console socket if the runtime will not detach or allocate tty")
        }
        try PreservedDescriptors.check(request.preservedDescriptors)
    }

    func run() throws -> ExecutedProcess {
        let proc = try HostProc()
        let pid = container.record.pid
        let namespaces = try ForeignNamespaces(of: pid, target)
        var plan = plan
        if namespaces.flags.contains(.user) || Syscall.effectiveUserID != 0 {
            try GroupChange.adapt(&plan, of: "\(pid)", proc)
        }
        let entry = ProcessEntry(
            plan: plan,
            confinement: try ProcessConfinement(plan, seccomp, hasUserNamespace: namespaces.flags.contains(.user)),
            proc: plan.labels.isEmpty ? nil : proc, keyring: container.record.keyring,
            preservedDescriptors: request.preservedDescriptors, hasSuccessor: namespaces.flags.contains(.pid))
        let console = try request.consoleSocket.map { path in SharedConsole(try ConsoleSocket(path)) }
        let cgroup = try cgroup()
        let entrance = try cgroup.entrance()
        try plan.affinity?.applyInitial()
        var process = try InitProcess.spawn(into: entrance.birthPlace, handsTerminal: plan.hasTerminal) { channel, _ in
            ExecSequence(entry: entry, entrance: entrance, channel: channel).run(namespaces)
        }
        do {
            try process.channel.waitForIsolation()
            try join(cgroup, process, entrance)
            let terminal = try attend(&process, entry, console, proc)
            return ExecutedProcess(process: SharedPidFD(process.takePidFD()), terminal: terminal)
        } catch {
            throw InitProcess.explain(error, ending: process.kill(), cgroup)
        }
    }

    func cgroup() throws -> any CgroupDriver {
        var location = container.record.cgroup
        for (controllers, path) in request.cgroups { location = try location.child(path, controllers: controllers) }
        return location.driver()
    }

    private func attend(
        _ process: inout InitProcess, _ entry: ProcessEntry, _ console: SharedConsole?, _ proc: HostProc
    ) throws -> SharedFD? {
        try container.record.resctrl?.add(process.pid)
        if let affinity = plan.affinity {
            try affinity.applyFinal(to: process.pid)
        } else {
            CPUAffinityPlan.reset(process.pid)
        }
        try entry.confinement.raiseLimits(of: process.pid)
        if let score = plan.oomScoreAdjustment { try OOMScore.set(score, of: process.pid, proc) }
        try process.channel.proceed()
        var terminal: SharedFD?
        if plan.hasTerminal {
            let (name, master) = try process.channel.waitForTerminal()
            if let console {
                try console.send(name, master.rawValue)
            } else {
                try ForegroundSession.prepare(master)
                terminal = master
            }
        }
        try entry.attendFilterAndBirth(&process, try container.state())
        try process.channel.waitForReadiness()
        if let path = request.pidfdSocket { try DescriptorSocket.send(pidfd: process.pidfd, to: path) }
        try plan.scheduling.apply(to: process.pid)
        if let path = request.pidFile { try ProcessIDFile.write(path, process.pid) }
        try process.channel.proceed()
        do {
            try process.channel.waitForExecution()
        } catch {
            // Callers tell by the file whether there is a process.
            if let path = request.pidFile { ProcessIDFile.remove(path) }
            throw error
        }
        return terminal
    }

    /// What is left to do for the process to be in the cgroup.
    private func join(
        _ cgroup: any CgroupDriver, _ process: borrowing InitProcess, _ entrance: CgroupEntrance
    ) throws {
        if !process.isBornInCgroup { try admit(process.pid, to: cgroup, through: entrance) }
    }

    /// The container may have moved its first process below, where v2 lets nobody stay above. 0 is the caller.
    func admit(_ pid: Int32, to cgroup: any CgroupDriver, through entrance: CgroupEntrance) throws {
        do throws(CgroupError) {
            try entrance.admit(pid)
        } catch {
            guard error.code == .system(.EBUSY), request.cgroups.isEmpty else { throw error }
            try CgroupLayout.detect().location(ofProcess: container.record.pid).driver().add(pid)
        }
    }
}

/// The steps of a process that joins a container.
struct ExecSequence: ~Copyable {
    let entry: ProcessEntry
    /// How the process enters the container's cgroup; nil where it is in it already.
    let entrance: CgroupEntrance?
    let channel: InitEndpoint
    /// Whether the one at the other end waits for the process, and has its part to do.
    let isAttended: Bool

    init(
        entry: ProcessEntry, entrance: CgroupEntrance?, channel: consuming InitEndpoint, isAttended: Bool = true
    ) {
        self.entry = entry
        self.entrance = entrance
        self.channel = channel
        self.isAttended = isAttended
    }

    consuming func run(_ namespaces: ForeignNamespaces) -> Never {
        do {
            try entrance?.enter()
            try DescriptorTable.close(
                except: channel.all + [namespaces.process.pidfd.rawValue] + [entry.proc?.rawValue].compactMap(\.self),
                preserving: entry.preservedDescriptors)
            try namespaces.enter()
            if isAttended { try channel.announceIsolation() }
            try becomeRootInside(namespaces)
            try entry.openStreams(channel, ownsConsole: false)
            if isAttended { try channel.waitForPlace() }
            if !entry.hasSuccessor { try entry.openSession() }
            try entry.leaveHost(keeping: channel.pipes)
            let successor = entry.hasSuccessor ? try Successor() : nil
            try entry.takeIdentity(channel)
            let program = try entry.succeed(successor, channel)
            try SystemError.attempt("clear", "parent death signal") { () throws(Errno) in
                try Syscall.setParentDeathSignal(nil)
            }
            if isAttended { try channel.announceReadiness() }
            try entry.execute(program)
        } catch {
            channel.report(InitFailure(error))
            Syscall.exitNow(255)
        }
    }

    private func becomeRootInside(_ namespaces: ForeignNamespaces) throws {
        guard namespaces.flags.contains(.user) else { return }
        try SystemError.attempt("become", "root of the user namespace") { () throws(Errno) in
            try Syscall.setGroup(0)
            try Syscall.setUser(0)
            try Syscall.setDumpable(false)
            try Syscall.setParentDeathSignal(.kill)
        }
    }
}

/// The namespaces of a process that are not the runtime's own.
struct ForeignNamespaces: Sendable {
    let flags: NamespaceFlags
    let process: SharedPidFD

    /// The descriptor holds the process: what is compared here is its own.
    init(of pid: Int32, _ process: SharedPidFD) throws {
        self.process = process
        var flags: NamespaceFlags = []
        for kind in LinuxNamespaceType.allCases {
            let name = kind.fileName
            let (own, other) = try SystemError.attempt("read namespaces of process", "\(pid)") { () throws(Errno) in
                (try Syscall.status("/proc/self/ns/\(name)"), try Syscall.status("/proc/\(pid)/ns/\(name)"))
            }
            if own.inode != other.inode { flags.insert(kind.flag) }
        }
        self.flags = flags
    }

    /// Of them those of these kinds.
    init(_ all: ForeignNamespaces, only kinds: NamespaceFlags) {
        flags = all.flags.intersection(kinds)
        process = all.process
    }

    /// Enters all of them at once, with the rights on each that the caller has now; the PID namespace is that of the
    /// caller's children only. See setns(2) with a pidfd.
    func enter() throws {
        try SystemError.attempt("protect", "process") { () throws(Errno) in
            try Syscall.setParentDeathSignal(.kill)
        }
        if flags.isEmpty { return }
        try SystemError.attempt("join", "namespaces of the container") { () throws(Errno) in
            try Syscall.enterNamespace(process.pidfd.rawValue, flags)
        }
    }
}

/// A console socket that closures may hold.
final class SharedConsole: Sendable {
    private let socket: ConsoleSocket
    init(_ socket: consuming ConsoleSocket) { self.socket = socket }
    func send(_ name: String, _ master: Int32) throws { try socket.send(name, master) }
}
