// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Cgroups
internal import Linux
internal import OCIRuntimeSpec

/// The runtime's view of the process that becomes the container, or that joins it.
struct InitProcess: ~Copyable {
    private(set) var pid: Int32
    private(set) var pidfd: PidFD
    let channel: RuntimeEndpoint
    /// Whether it was in the container's cgroup from its first moment.
    let isBornInCgroup: Bool

    /// Clones the process, into the cgroup v2 directory if there is one; `body` runs in it, hears whether it was born
    /// there, and never returns. The caller must have one thread only.
    static func spawn(
        _ isolation: Isolation, into cgroup: SharedFD?, handsTerminal: Bool, timeOffsets: LinuxTimeOffsets?,
        newTimeNamespace: Bool, hostProc: HostProc,
        _ body: (consuming InitEndpoint, _ isBornInCgroup: Bool) -> Never
    ) throws -> InitProcess {
        let channel = try InitChannel(handsTerminal: handsTerminal)
        try protectChildren(unless: isolation.isMappedByUser)
        var isBornInCgroup = false
        let clone = try Birth.with(newTimeNamespace, timeOffsets, hostProc) {
            () throws(Errno) in try bear(isolation.cloneFlags, into: cgroup, &isBornInCgroup)
        }
        guard let clone else { body(channel.takeProcess(), isBornInCgroup) }
        var process = InitProcess(
            pid: clone.pid, pidfd: PidFD(adopting: OwnedFD(adopting: clone.pidfd)), channel: channel.takeRuntime(),
            isBornInCgroup: isBornInCgroup)
        guard isolation.needsIntermediate else { return process }
        do {
            try process.becomeSpawned()
            try process.channel.proceed()
        } catch {
            process.kill()
            throw error
        }
        return process
    }

    /// Clones a process that enters the namespaces of another itself; `body` as above.
    static func spawn(
        into cgroup: SharedFD? = nil, handsTerminal: Bool, isAttended: Bool = true,
        _ body: (consuming InitEndpoint, _ isBornInCgroup: Bool) -> Never
    ) throws -> InitProcess {
        let channel = try InitChannel(handsTerminal: handsTerminal, isAttended: isAttended)
        try protectChildren(unless: false)
        var isBornInCgroup = false
        let clone = try SystemError.attempt("clone", "process") { () throws(Errno) in
            try bear([], into: cgroup, &isBornInCgroup)
        }
        guard let clone else { body(channel.takeProcess(), isBornInCgroup) }
        return InitProcess(
            pid: clone.pid, pidfd: PidFD(adopting: OwnedFD(adopting: clone.pidfd)), channel: channel.takeRuntime(),
            isBornInCgroup: isBornInCgroup)
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

    /// A process with the runtime's rights that comes into a container must not for a moment be open to its neighbours:
    /// it is born not dumpable. See PR_SET_DUMPABLE(2const). Files in /proc of such a process belong to
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

    /// Follows the way from a maker to the sibling that it has made; the maker is reaped. The pid cannot be another's:
    /// nobody but us reaps it.
    mutating func becomeSpawned() throws {
        let spawned = try channel.waitForSpawned()
        _ = try? pidfd.reap()
        pid = spawned
        pidfd = try SystemError.attempt("open", "process \(spawned)") { () throws(Errno) in try PidFD(spawned) }
    }

    /// Gives up the process, but for its number.
    consuming func takeChannel() -> RuntimeEndpoint { channel }

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

/// The namespace of clocks, which a process can only be born into.
enum Birth {
    /// Runs the body, which clones, while the children of this process are born elsewhere. The runtime itself comes
    /// back, so that its hooks run where it was; the child, where the body returns nil, stays.
    static func with<Value>(
        _ newTimeNamespace: Bool, _ offsets: LinuxTimeOffsets?, _ proc: HostProc, _ body: () throws(Errno) -> Value?
    ) throws -> Value? {
        let own = newTimeNamespace ? try JoinedNamespace(.time, "/proc/self/ns/time") : nil
        if newTimeNamespace { try TimeNamespace.create(offsets, proc) }
        guard let result = try SystemError.attempt("clone", "container init", body) else { return nil }
        try own?.join()
        return result
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
