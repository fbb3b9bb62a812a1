// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Linux
package import OCIRuntimeSpec

/// One cgroup of a container or pod, whatever the arrangement of the host.
///
/// Its life: `create` makes the directories, `apply` sets limits (again for every update), `add` moves processes in, and
/// `delete` removes it once it is empty. Nothing is kept in memory; two values of one location are the same cgroup.
package protocol CgroupDriver: Sendable {
    /// The cgroup's directories.
    var location: CgroupLocation { get }

    /// The cgroup's v2 directory, where the cgroup's members are counted; nil on a v1 host.
    var unified: CgroupDirectory? { get }

    /// The hierarchy in which members are listed.
    var members: CgroupDirectory { get }

    /// The file with a line `oom_kill N`, N being the number of processes the kernel has killed for want of memory;
    /// nil without a memory controller.
    var oomEventsFile: String? { get }

    /// Makes the cgroup and those above it; one that is there already is right. What was made is undone on failure.
    func create() throws(CgroupError)

    /// Whether the cgroup can only be made around a process, by `establish`.
    var needsMember: Bool { get }

    /// Makes the cgroup with its limits, and moves the process in, if there is one yet. The properties are for systemd.
    func establish(_ resources: LinuxResources, member: Int32?, properties: [UnitProperty]) throws(CgroupError)

    /// Sets the limits; what the resources do not mention stays as it is. A limit without its controller is an error.
    func apply(_ resources: LinuxResources) throws(CgroupError)

    /// The same for a cgroup in use. On failure the old limits are back. Members never lose, not for a moment, access to
    /// a device that old and new rules allow.
    func update(_ resources: LinuxResources) throws(CgroupError)

    /// Moves a process into the cgroup; 0 is the caller.
    func add(_ pid: Int32) throws(CgroupError)

    /// Stops every process of the cgroup and those below until `thaw`, and waits until they have stopped.
    func freeze() throws(CgroupError)

    /// Lets frozen processes go on.
    func thaw() throws(CgroupError)

    /// Whether the cgroup is frozen or freezing.
    func isFrozen() throws(CgroupError) -> Bool

    /// Use of memory, CPU time and tasks; what the host does not count is nil.
    func stats() throws(CgroupError) -> CgroupStats

    /// All that the host counts.
    func metrics() throws(CgroupError) -> CgroupMetrics

    /// Removes the cgroup and those below it, which hold no process any more; waits for those that are ending. Nothing
    /// there is right.
    func delete(milliseconds: Int32) throws(CgroupError)
}

extension CgroupLocation {
    /// The driver of the cgroup: systemd's for a scope, otherwise one that works on the cgroup file systems alone.
    package func driver() -> any CgroupDriver {
        if subtrees.isEmpty { return AbsentCgroup(location: self) }
        let files: any CgroupDriver = mode == .v2 ? UnifiedCgroup(self) : LegacyCgroup(self)
        return scope.map { SystemdCgroup(self, $0, files) } ?? files
    }
}

extension CgroupDriver {
    /// Whether the cgroup exists.
    package var exists: Bool { members.exists }

    /// Whether there are cgroups in this one.
    package func hasChildren() throws(CgroupError) -> Bool { try !members.children().isEmpty }

    /// The pids of the cgroup and of those below, in no order. None when it does not exist. Processes of foreign PID
    /// namespaces are left out.
    package func processes() throws(CgroupError) -> [Int32] { try members.processes() }

    /// Tells the cgroup from a later one of the same path: the inode of the directory in which members are listed. The
    /// kernel does not use the numbers of cgroups again. nil when the cgroup does not exist.
    package func identity() throws(CgroupError) -> UInt64? {
        try CgroupError.attempt("stat cgroup", members.path) { () throws(Errno) in
            do throws(Errno) { return try Syscall.status(members.path).inode } catch .ENOENT { return nil }
        }
    }

    /// Refuses a cgroup that is in use already, as runc does: its limits would hit strangers, and a process that enters
    /// a frozen one never starts. Each hierarchy counts, for other runtimes may use only some of them.
    ///
    /// Returns whether some of it exists already.
    @discardableResult
    package func requireUnused() throws(CgroupError) -> Bool {
        var pids: Set<Int32> = []
        let existing = location.subtrees.map { CgroupDirectory($0.directory) }.filter(\.exists)
        for directory in existing { pids.formUnion(try directory.processes()) }
        guard pids.isEmpty else {
            throw CgroupError(.busy, "container's cgroup is not empty: \(pids.count) process(es) found")
        }
        for subtree in location.subtrees where subtree.controllers.isEmpty || subtree.controllers.contains("freezer") {
            guard try !CgroupDirectory(subtree.directory).stopsMembers(below: subtree.mountPoint) else {
                throw CgroupError(.busy, "container's cgroup unexpectedly frozen")
            }
        }
        return !existing.isEmpty
    }

    /// Sends a signal to every process of the cgroup and of those below. None may fork past it: the cgroup is frozen
    /// meanwhile, unless it can be killed in one step. SIGKILL also thaws the cgroup, for v1 keeps frozen processes
    /// alive. Processes may still be ending when this returns.
    package func signalAll(_ signal: Signal) throws(CgroupError) {
        do throws(CgroupError) {
            try signalMembers(signal)
        } catch {
            // systemd removes a cgroup as soon as it is empty.
            if exists { throw error }
        }
    }

    private func signalMembers(_ signal: Signal) throws(CgroupError) {
        guard exists else { return }
        if signal == .kill, try killAtOnce() { return }
        let wasFrozen = try isFrozen()
        if !wasFrozen {
            // A process that cannot be stopped in time shall be killed all the same.
            do throws(CgroupError) { try freeze() } catch  where signal == .kill {}
        }
        var failure: CgroupError?
        for pid in try processes() {
            do throws(Errno) { try Syscall.kill(pid, signal) } catch .ESRCH {} catch {
                failure = failure ?? CgroupError("signal process", "\(pid)", error)
            }
        }
        if !wasFrozen || signal == .kill { try thaw() }
        if let failure { throw failure }
    }

    /// Kills every process of the cgroup and waits until none is left, at most `milliseconds`.
    package func kill(milliseconds: Int32 = 10_000) throws(CgroupError) {
        var patience = Patience(milliseconds: milliseconds)
        repeat {
            try signalAll(.kill)
            if try processes().isEmpty { return }
        } while patience.wait()
        throw CgroupError(.busy, "kill cgroup \"\(members.path)\": processes are left")
    }

    package func delete() throws(CgroupError) { try delete(milliseconds: 10_000) }

    /// From every hierarchy.
    package func delete(milliseconds: Int32) throws(CgroupError) {
        for subtree in location.subtrees.reversed() where subtree.directory != subtree.mountPoint {
            try CgroupDirectory(subtree.directory).removeTree(milliseconds: milliseconds)
        }
    }

    package var needsMember: Bool { false }

    package func establish(
        _ resources: LinuxResources, member: Int32?, properties: [UnitProperty]
    ) throws(CgroupError) {
        try create()
        try apply(resources)
        if let member { try add(member) }
    }

    /// `cgroup.kill` ends members that fork as well, in one step, since Linux 5.14; false without it.
    private func killAtOnce() throws(CgroupError) -> Bool {
        guard let unified, unified.has("cgroup.kill") else { return false }
        try unified.write("cgroup.kill", "1")
        if location.mode != .v2, try isFrozen() { try thaw() }
        return true
    }
}

/// Waits between attempts, a little longer each time, until the deadline.
struct Patience {
    private let deadline: Int64
    private var pause: Int32 = 1

    init(milliseconds: Int32) { deadline = KernelClock.monotonic + Int64(milliseconds) * 1_000_000 }

    /// Waits 1, 2, 4 ... 64 milliseconds; false once the time is up.
    mutating func wait() -> Bool {
        guard KernelClock.monotonic < deadline else { return false }
        // poll(2) on no descriptor only sleeps; a signal may end it early, which is as well.
        _ = try? Syscall.poll(-1, for: [], milliseconds: pause)
        pause = min(pause * 2, 64)
        return true
    }
}
