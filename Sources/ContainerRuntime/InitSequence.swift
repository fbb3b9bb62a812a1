// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Cgroups
internal import Linux
internal import OCIRuntimeSpec

/// What the container's process is made of: everything that had to be prepared outside of the container.
struct InitContext: Sendable {
    var plan: ContainerPlan
    var cgroup: CgroupLocation
    var hostProc: HostProc
    /// The namespaces to join, opened on the host, the user namespace last.
    var joined: [JoinedNamespace]
    /// Sources of bind mounts that cannot be opened from inside the user namespace, by their place in the plan.
    var openedSources: [SharedFD?]
    /// The reading end of exec.fifo; nil when the process does not wait for `start`.
    var fifo: SharedFD?
    var confinement: ProcessConfinement
    var keyring: String?
    var preservedDescriptors: Int32
    var pivots: Bool
    /// What hooks inside the container read, but for pid and status.
    var state: State
}

/// The steps of the process that becomes the container, from the clone to the execution. Whatever can fail happens
/// before `waitForStart`, so that `create` reports it.
struct InitSequence: ~Copyable {
    let context: InitContext
    let channel: InitEndpoint
    private var plan: ContainerPlan { context.plan }

    init(_ context: InitContext, _ channel: consuming InitEndpoint) {
        self.context = context
        self.channel = channel
    }

    /// Runs all steps; a failure is told to the runtime, once, and ends the process.
    consuming func run(_ isolation: consuming Isolation) -> Never {
        do {
            try isolation.enter(channel)
            try channel.announceIsolation()
            try becomeRootInside()
            try separateCgroups()
            try bringLoopbackUp()
            try writeSysctls()
            try setNames()
            try buildRootfs()
            let entry = ProcessEntry(
                plan: plan.process, confinement: context.confinement, hostProc: context.hostProc,
                keyring: context.keyring, preservedDescriptors: context.preservedDescriptors)
            try entry.openSession(channel, ownsConsole: true)
            try entry.closeDescriptors()
            let program = try entry.takeIdentity()
            try announceReadiness()
            try waitForStart()
            try HookRunner.run(plan.hooks.startContainer, .startContainer, state(.created))
            try entry.execute(program)
        } catch {
            channel.report(InitFailure(error))
            Syscall.exitNow(1)
        }
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

    private func writeSysctls() throws {
        for sysctl in plan.sysctls {
            // The name of a shared namespace may still be the host's own.
            if context.joined.contains(where: { $0.kind == sysctl.namespace && $0.isOwn }) {
                throw RuntimeError(
                    "sysctl \"\(sysctl.path)\" is not allowed in the host \(sysctl.namespace.rawValue) namespace")
            }
            try context.hostProc.write("sys/\(sysctl.path)", sysctl.value)
        }
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
    private func buildRootfs() throws {
        Syscall.setCreationMask(0)
        var builder = try RootfsBuilder(plan, cgroup: context.cgroup, openedSources: context.openedSources)
        try builder.mountAll()
        try builder.makeDevices()
        try channel.announceRootfs()
        try HookRunner.run(plan.hooks.createContainer, .createContainer, state(.creating), directory: plan.bundle)
        try builder.maskPaths()
        try builder.protectPaths()
        try builder.makeDirectory(plan.process.workingDirectory)
        try builder.seal()
        try builder.enter(byPivot: context.pivots)
        Syscall.setCreationMask(0o022)
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
            _ = try Syscall.poll(fifo.rawValue, for: .readable, milliseconds: -1)
            // No byte: whoever opened the fifo died before the container was started.
            if try fifo.descriptor.read(upTo: 1).isEmpty { Syscall.exitNow(1) }
        }
    }

    private func state(_ status: State.Status) -> State {
        var state = context.state
        state.pid = Syscall.processID
        state.status = status
        return state
    }
}
