// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Cgroups
internal import Linux
internal import OCIRuntimeSpec

/// What the container's process is made of: everything that had to be prepared outside of the container.
struct InitContext: Sendable {
    var plan: ContainerPlan
    var cgroup: CgroupLocation
    /// How the process enters its cgroup; nil where it is moved there from outside.
    var entrance: CgroupEntrance?
    var hostProc: HostProc
    /// The namespaces to join, opened on the host, the user namespace last.
    var joined: [JoinedNamespace]
    /// Sources of bind mounts that cannot be opened from inside the user namespace, by their place in the plan.
    var openedSources: [SharedFD?]
    /// Both ends of exec.fifo; nil when the process does not wait for `start`.
    var fifo: SharedFD?
    var confinement: ProcessConfinement
    var keyring: String?
    var preservedDescriptors: Int32
    var pivots: Bool
    /// The runtime works for somebody without rights on the host.
    var isRootless: Bool
    /// What hooks inside the container read, but for pid and status.
    var state: State
}

/// The steps of the process that becomes the container, from the clone to the execution. Whatever can fail happens
/// before `waitForStart`, so that `create` reports it.
struct InitSequence: ~Copyable {
    let context: InitContext
    let channel: InitEndpoint
    /// Whether the process was born in its cgroup of the unified hierarchy, if there is one.
    private let isBornInCgroup: Bool
    /// Whether the runtime has done its part.
    private var isPlaced = false
    private var plan: ContainerPlan { context.plan }

    init(_ context: InitContext, _ channel: consuming InitEndpoint, isBornInCgroup: Bool) {
        self.context = context
        self.channel = channel
        self.isBornInCgroup = isBornInCgroup || context.entrance?.birthPlace == nil
    }

    /// Runs all steps; a failure is told to the runtime, once, and ends the process.
    consuming func run(_ isolation: Isolation) -> Never {
        var isAlone = false
        do {
            try context.entrance?.enter()
            try closeForeignDescriptors()
            try isolation.enter(channel, plan.timeOffsets, context.hostProc)
            try channel.announceIsolation()
            if needsPlaceAtOnce { try waitForPlace() }
            try becomeRootInside()
            try separateCgroups()
            try bringLoopbackUp()
            let process = try adaptProcess()
            let proc = try exchangeProc(isolation)
            if let proc { try writeSysctls(proc) }
            try setNames()
            try buildRootfs(isolation)
            let entry = ProcessEntry(context, process, isolation, proc)
            try entry.openStreams(channel, ownsConsole: true)
            if !entry.hasSuccessor { try entry.openSession() }
            try isolation.approachDestination()
            try entry.leaveHost(keeping: channel.pipes + (context.fifo.map { [$0.rawValue] } ?? []))
            let successor = entry.hasSuccessor ? try Successor() : nil
            try entry.takeIdentity(channel)
            let program = try entry.succeed(successor, channel)
            try announceReadiness()
            isAlone = context.fifo != nil
            try waitForStart()
            try HookRunner.run(plan.hooks.startContainer, .startContainer, state(.created))
            try entry.execute(program)
        } catch {
            // The runtime that created the container has gone; whoever reads the container's errors is told.
            if isAlone { StandardStreams.tell(InitFailure(error)) } else { channel.report(InitFailure(error)) }
            Syscall.exitNow(1)
        }
    }

    /// Of the caller's descriptors and the runtime's own, only what the steps here work with.
    private func closeForeignDescriptors() throws {
        let shared = [context.fifo] + context.joined.map(\.file) + context.openedSources
        try DescriptorTable.close(
            except: channel.all + [context.hostProc.rawValue] + shared.compactMap { $0?.rawValue },
            preserving: context.preservedDescriptors)
    }

    /// Whether the steps that follow need the runtime's part: the mappings, a cgroup that can become the root of a
    /// namespace, the network's interfaces. Otherwise both work side by side.
    private var needsPlaceAtOnce: Bool {
        context.entrance == nil || !isBornInCgroup || plan.namespaces[.user] == .create || !plan.networkDevices.isEmpty
    }

    private mutating func waitForPlace() throws {
        if isPlaced { return }
        try channel.waitForPlace()
        isPlaced = true
    }

    /// After the mappings are written: the ids that own everything inside.
    private func becomeRootInside() throws {
        guard plan.hasUserNamespace else { return }
        try SystemError.attempt("become", "root of the user namespace") { () throws(Errno) in
            try Syscall.setGroup(0)
            try Syscall.setUser(0)
            // The change of ids has made the process dumpable as the system says, not as we do.
            try Syscall.setDumpable(false)
            try Syscall.setParentDeathSignal(.kill)
        }
    }

    /// After the process was put into its cgroup: that one becomes the root of the namespace.
    private func separateCgroups() throws {
        guard plan.namespaces[.cgroup] == .create else { return }
        try SystemError.attempt("create", "cgroup namespace") { () throws(Errno) in try Syscall.unshare(.cgroup) }
    }

    private func bringLoopbackUp() throws {
        guard plan.namespaces[.network] == .create else { return }
        try SystemError.attempt("bring up", "lo") { () throws(Errno) in try Syscall.bringInterfaceUp("lo") }
    }

    private func adaptProcess() throws -> ProcessPlan {
        var process = plan.process
        if plan.hasUserNamespace || context.isRootless { try GroupChange.adapt(&process, of: "self", context.hostProc) }
        return process
    }

    /// Gives the host's /proc up for one of the container's own, before anything of the container can happen. nil when
    /// nothing is to be written to one. A process with a successor is seen by nobody, and is on the host's only.
    private func exchangeProc(_ isolation: Isolation) throws -> HostProc? {
        let isNeeded = !plan.sysctls.isEmpty || !plan.process.labels.isEmpty
        let own = isNeeded && isolation.destination == nil ? HostProc.ofOwnNamespace() : nil
        if isNeeded, own == nil { return context.hostProc }
        try DescriptorTable.close(context.hostProc.rawValue)
        return own
    }

    private func writeSysctls(_ proc: HostProc) throws {
        for sysctl in plan.sysctls { try proc.write("sys/\(sysctl.path)", sysctl.value) }
    }

    private func setNames() throws {
        if let name = plan.hostName {
            try SystemError.attempt("sethostname", name) { () throws(Errno) in try Syscall.setHostName(name) }
        }
        if let name = plan.domainName {
            try SystemError.attempt("setdomainname", name) { () throws(Errno) in try Syscall.setDomainName(name) }
        }
    }

    /// Mounts, devices and hooks, then the change of root.
    private mutating func buildRootfs(_ isolation: Isolation) throws {
        let callersMask = Syscall.setCreationMask(0)
        var builder = try RootfsBuilder(plan, cgroup: context.cgroup, openedSources: context.openedSources)
        builder.processes = isolation.destination
        try builder.mountAll()
        try builder.makeDevices()
        try waitForPlace()
        if plan.hasHooks { try runHooksInside(callersMask) }
        try builder.maskPaths()
        try builder.protectPaths()
        try builder.makeDirectory(plan.process.workingDirectory)
        try builder.seal()
        try builder.enter(byPivot: context.pivots)
        Syscall.setCreationMask(0o022)
    }

    /// After the runtime has run those of its side.
    private func runHooksInside(_ callersMask: UInt32) throws {
        try channel.announceRootfs()
        Syscall.setCreationMask(callersMask)
        try HookRunner.run(plan.hooks.createContainer, .createContainer, state(.creating), directory: plan.bundle)
        Syscall.setCreationMask(0)
    }

    /// From here on the death of the runtime is none of ours; until the word to proceed, its end of the channel tells.
    private func announceReadiness() throws {
        try SystemError.attempt("clear", "parent death signal") { () throws(Errno) in
            try Syscall.setParentDeathSignal(nil)
        }
        try channel.announceReadiness()
    }

    private func waitForStart() throws {
        guard let fifo = context.fifo else { return }
        try SystemError.attempt("wait for", "exec.fifo") { () throws(Errno) in
            // read(2) alone: a filter that is in force already may forbid poll(2).
            _ = try fifo.descriptor.read(upTo: 1)
        }
    }

    private func state(_ status: State.Status) -> State {
        var state = context.state
        state.pid = Syscall.processID
        state.status = status
        return state
    }
}

extension ProcessEntry {
    init(_ context: InitContext, _ plan: ProcessPlan, _ isolation: Isolation, _ proc: HostProc?) {
        self.init(
            plan: plan, confinement: context.confinement, proc: proc, keyring: context.keyring,
            preservedDescriptors: context.preservedDescriptors, hasSuccessor: isolation.destination != nil)
    }
}
