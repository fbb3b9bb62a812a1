// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Cgroups
internal import Linux
internal import OCIRuntimeSpec

/// The runtime's view of the process that becomes the container, or that joins it.
struct InitProcess: ~Copyable {
    let pid: Int32
    let pidfd: PidFD
    let channel: RuntimeEndpoint
    /// Whether it was in the container's cgroup from its first moment.
    let isBornInCgroup: Bool

    /// Clones the process, into the cgroup v2 directory if there is one; `body` runs in it, hears whether it was born
    /// there, and never returns. The caller must have one thread only.
    static func spawn(
        _ isolation: Isolation, into cgroup: SharedFD?, timeOffsets: LinuxTimeOffsets?, newTimeNamespace: Bool,
        hostProc: HostProc,
        _ body: (consuming InitEndpoint, _ isBornInCgroup: Bool) -> Never
    ) throws -> InitProcess {
        var pair = try SystemError.attempt("create", "socket pair") { () throws(Errno) in
            try UnixSocket.pair(.sequencedPackets)
        }
        guard let ours = pair.takeFirst(), let theirs = pair.takeSecond() else { throw RuntimeError("no socket pair") }
        try protectChildren(unless: isolation.isMappedByUser)
        var isBornInCgroup = false
        let clone = try Birth.with(isolation.birthPlace, newTimeNamespace, timeOffsets, hostProc) {
            () throws(Errno) in try bear(isolation.cloneFlags, into: cgroup, &isBornInCgroup)
        }
        guard let clone else {
            _ = consume ours
            body(InitEndpoint(theirs), isBornInCgroup)
        }
        _ = consume theirs
        let first = InitProcess(
            pid: clone.pid, pidfd: PidFD(adopting: OwnedFD(adopting: clone.pidfd)), channel: RuntimeEndpoint(ours),
            isBornInCgroup: isBornInCgroup)
        return isolation.needsIntermediate ? try first.sibling() : first
    }

    /// Clones a process into the PID namespace of another; it enters the other namespaces itself.
    static func spawn(
        _ namespaces: ForeignNamespaces, into cgroup: SharedFD? = nil, _ body: (consuming InitEndpoint) -> Never
    ) throws -> InitProcess {
        var pair = try SystemError.attempt("create", "socket pair") { () throws(Errno) in
            try UnixSocket.pair(.sequencedPackets)
        }
        guard let ours = pair.takeFirst(), let theirs = pair.takeSecond() else { throw RuntimeError("no socket pair") }
        try protectChildren(unless: false)
        var isBornInCgroup = false
        let clone = try Birth.with(namespaces) { () throws(Errno) in try bear([], into: cgroup, &isBornInCgroup) }
        guard let clone else {
            _ = consume ours
            body(InitEndpoint(theirs))
        }
        _ = consume theirs
        let first = InitProcess(
            pid: clone.pid, pidfd: PidFD(adopting: OwnedFD(adopting: clone.pidfd)), channel: RuntimeEndpoint(ours),
            isBornInCgroup: isBornInCgroup)
        return namespaces.needsIntermediate ? try first.sibling() : first
    }

    /// Where the kernel refuses the cgroup, the process is moved there later, and the reason is told then if it persists.
    private static func bear(
        _ flags: NamespaceFlags, into cgroup: SharedFD?, _ isInCgroup: inout Bool
    ) throws(Errno) -> (pid: Int32, pidfd: Int32)? {
        if let cgroup {
            // Before the clone, so that the child has it in its copy.
            isInCgroup = true
            do throws(Errno) { return try Syscall.clone(flags, cgroup: cgroup.rawValue) } catch { isInCgroup = false }
        }
        return try Syscall.clone(flags)
    }

    /// A process with the runtime's rights that is visible in a container's PID namespace must not for a moment be open
    /// to its neighbours: it is born not dumpable. See PR_SET_DUMPABLE(2const). Files in /proc of such a process belong to
    /// root, so a user who has to map its ids must wait for that; it protects itself right afterwards.
    private static func protectChildren(unless isMappedByUser: Bool) throws {
        if isMappedByUser { return }
        try SystemError.attempt("protect", "process") { () throws(Errno) in try Syscall.setDumpable(false) }
    }

    private init(pid: Int32, pidfd: consuming PidFD, channel: consuming RuntimeEndpoint, isBornInCgroup: Bool) {
        self.pid = pid
        self.pidfd = pidfd
        self.channel = channel
        self.isBornInCgroup = isBornInCgroup
    }

    /// The final process; the intermediate one is reaped. The pid cannot be another's: nobody but us reaps it.
    private consuming func sibling() throws -> InitProcess {
        let pid: Int32
        do {
            pid = try channel.waitForSpawned()
        } catch {
            kill()
            throw error
        }
        _ = try? pidfd.reap()
        let pidfd = try SystemError.attempt("open", "process \(pid)") { () throws(Errno) in try PidFD(pid) }
        try channel.proceed()
        return InitProcess(pid: pid, pidfd: pidfd, channel: channel, isBornInCgroup: isBornInCgroup)
    }

    /// Gives up the channel, which tells the process that nobody listens any more.
    consuming func takePidFD() -> PidFD { pidfd }

    /// Ends and reaps the process; what it is doing does not matter any more. Returns how it ended.
    @discardableResult
    borrowing func kill() -> ExitStatus? {
        // It may have ended already, and then only has to be reaped.
        try? pidfd.send(.kill)
        return try? pidfd.reap()
    }

    /// An error for the user: where the process ended by itself, the reason of that.
    static func explain(_ error: any Error, ending: ExitStatus?, _ cgroup: any CgroupDriver) -> any Error {
        guard let ended = error as? RuntimeError, ended == .initEnded else { return error }
        // A cgroup that cannot be read any more has counted nothing.
        if ending == .signaled(9), let memory = try? cgroup.stats().memory, memory.oomKills > 0 {
            return RuntimeError("container init was OOM-killed (memory limit too low?)")
        }
        switch ending {
        case .exited(let code): return RuntimeError("\(ended): exit status \(code)")
        case .signaled(let signal): return RuntimeError("\(ended): signal: \(Signal(rawValue: signal))")
        case nil: return ended
        }
    }
}

/// Namespaces that a process can only be born into: those of PIDs and of time.
enum Birth {
    /// Runs the body, which clones, while the children of this process are born elsewhere. The runtime itself comes
    /// back, so that its hooks run where it was; the child, where the body returns nil, stays.
    static func with<Value>(
        _ pidNamespace: JoinedNamespace?, _ newTimeNamespace: Bool, _ offsets: LinuxTimeOffsets?, _ proc: HostProc,
        _ body: () throws(Errno) -> Value?
    ) throws -> Value? {
        let ownPIDs = try own(.pid, if: pidNamespace != nil)
        let ownTime = try own(.time, if: newTimeNamespace)
        try pidNamespace?.join()
        if newTimeNamespace { try TimeNamespace.create(offsets, proc) }
        guard let result = try SystemError.attempt("clone", "container init", body) else { return nil }
        try ownPIDs?.join()
        try ownTime?.join()
        return result
    }

    /// The same for the PID namespace of a process.
    static func with<Value>(_ namespaces: ForeignNamespaces, _ body: () throws(Errno) -> Value?) throws -> Value? {
        guard namespaces.flags.contains(.pid), !namespaces.needsIntermediate else {
            return try SystemError.attempt("clone", "process", body)
        }
        let own = try JoinedNamespace(.pid, "/proc/self/ns/pid")
        try SystemError.attempt("join pid namespace of", "container") { () throws(Errno) in
            try Syscall.enterNamespace(namespaces.process.pidfd.rawValue, .pid)
        }
        guard let result = try SystemError.attempt("clone", "process", body) else { return nil }
        try own.join()
        return result
    }

    private static func own(_ kind: LinuxNamespaceType, if needed: Bool) throws -> JoinedNamespace? {
        needed ? try JoinedNamespace(kind, "/proc/self/ns/\(kind.fileName)") : nil
    }
}

/// A namespace of clocks. See time_namespaces(7).
enum TimeNamespace {
    /// Makes one for the children of the caller. Offsets can be set until the first process is in it.
    static func create(_ offsets: LinuxTimeOffsets?, _ proc: HostProc) throws {
        try SystemError.attempt("create", "time namespace") { () throws(Errno) in try Syscall.unshare(.time) }
        let lines = [("monotonic", offsets?.monotonic), ("boottime", offsets?.boottime)].compactMap { clock, offset in
            offset.map { "\(clock) \($0.secs ?? 0) \($0.nanosecs ?? 0)\n" }
        }
        if !lines.isEmpty { try proc.write("self/timens_offsets", lines.joined()) }
    }
}
