// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Cgroups
package import Linux
internal import OCIRuntimeSpec

/// A process on its way into a running container, for a program that goes on serving others meanwhile.
///
/// `skiffrun exec` leads its process by the hand, and waits for it again and again. Here the caller only clones the
/// process, in the container's cgroup where the hierarchy allows that, for to be moved there takes a grace period of RCU.
/// The process does everything else by itself, whatever may wait or fail: it reads the container's configuration,
/// compiles the filter, and then takes the same way as any other, `ExecSequence`. The caller hears of it over a pipe, with
/// the messages of InitMessages.swift that need no answer:
///
///     [ process ]                                [ caller ]
///     terminal(name)+fd     ------------->       with a terminal only
///     spawned(pid)          ------------->       the process goes on as another child of the caller: see Successor
///     failed(...)           ------------->       and then the process ends
///     end of the stream                          the program runs, or the process was killed
package final class EnteringProcess {
    /// What to run, and where.
    package struct Request: Sendable {
        /// The runtime's `--root` and the container's name for it.
        package var root: String
        package var id: String
        package var arguments: [String]
        /// `NAME=value`, each where the container's own environment has no such name.
        package var environment: [String]
        /// Those that become 0, 1 and 2; nil with a terminal.
        package var streams: [Int32]?
        package var terminal: WindowSize?
        /// The container's first process, by number and for good.
        package var target: (pid: Int32, pidfd: SharedPidFD)

        package init(
            root: String, id: String, arguments: [String], environment: [String], streams: [Int32]?,
            terminal: WindowSize?, target: (pid: Int32, pidfd: SharedPidFD)
        ) {
            self.root = root
            self.id = id
            self.arguments = arguments
            self.environment = environment
            self.streams = streams
            self.terminal = terminal
            self.target = target
        }
    }

    package enum News {
        /// Nothing has come since.
        case nothing
        /// The master of its terminal.
        case terminal(SharedFD)
        /// It goes on as the child of that pid; the one before ends.
        case succeeded(Int32)
        /// It will not run; the process is about to end.
        case failed(String)
        /// Its program runs, or the process was killed before.
        case executed
    }

    package private(set) var pid: Int32
    private let channel: RuntimeEndpoint
    /// Readable when there is news.
    package var rawValue: Int32 { channel.news.rawValue }

    private init(pid: Int32, channel: consuming RuntimeEndpoint) {
        self.pid = pid
        self.channel = channel
    }

    /// Clones the process, as a child of the caller, which must have one thread only. Does not wait for it.
    package static func spawn(_ request: Request) throws -> EnteringProcess {
        let namespaces = try ForeignNamespaces(of: request.target.pid, request.target.pidfd)
        let birthPlace = birthPlace(request)
        let process = try InitProcess.spawn(
            into: birthPlace, handsTerminal: request.terminal != nil, isAttended: false
        ) { channel, isBornInCgroup in
            ContainerArrival(request: request, namespaces: namespaces, isBornInCgroup: isBornInCgroup).run(channel)
        }
        let pid = process.pid
        let channel = process.takeChannel()
        try SystemError.attempt("prepare", "pipe") { () throws(Errno) in try channel.news.setNonblocking(true) }
        // The caller reaps its children by number.
        return EnteringProcess(pid: pid, channel: channel)
    }

    /// The container's cgroup in the unified hierarchy; nil without one, and where a process that is born there would stop
    /// at once and could not tell why. What is wrong with the container otherwise, the process itself finds out.
    private static func birthPlace(_ request: Request) -> SharedFD? {
        do {
            let container = try Container(request.id, in: StateStore(root: request.root))
            guard try container.status() != .paused, let path = container.record.cgroup.unified else { return nil }
            return SharedFD(try Syscall.open(path, [.path, .directory]))
        } catch {
            return nil
        }
    }

    /// The next message; does not wait.
    package func next() throws -> News {
        do {
            switch try channel.next() {
            case .failed(let failure): return .failed("unable to start container process: \(failure)")
            case .terminal: return .terminal(try channel.takeTerminal())
            case .spawned(let successor):
                pid = successor
                return .succeeded(successor)
            case nil: return .executed
            case .isolated, .rootfsIsReady, .ready, .listener:
                throw RuntimeError("container process sent something unexpected")
            }
        } catch let error as SystemError where error.errno == .EAGAIN {
            return .nothing
        }
    }
}

/// The process itself, from its birth on.
private struct ContainerArrival {
    let request: EnteringProcess.Request
    let namespaces: ForeignNamespaces
    let isBornInCgroup: Bool

    func run(_ channel: consuming InitEndpoint) -> Never {
        let entry = prepare(channel)
        ExecSequence(entry: entry, entrance: nil, channel: channel, isAttended: false).run(namespaces)
    }

    /// Returns only when everything is ready for the container's namespaces.
    private func prepare(_ channel: borrowing InitEndpoint) -> ProcessEntry {
        do {
            try useStreams()
            // What the caller has open is not for here.
            try DescriptorTable.close(except: channel.all + [namespaces.process.pidfd.rawValue], preserving: 0)
            try SystemError.attempt("protect", "process") { () throws(Errno) in
                try Syscall.setParentDeathSignal(.kill)
            }
            return try arrive()
        } catch {
            channel.report(InitFailure(error))
            Syscall.exitNow(255)
        }
    }

    /// The sources may be anything but 0, 1 and 2, which are the caller's own.
    private func useStreams() throws {
        guard let streams = request.streams else { return }
        try SystemError.attempt("use", "standard streams") { () throws(Errno) in
            for (number, stream) in streams.enumerated() { try Syscall.duplicate(stream, onto: Int32(number)) }
        }
    }

    /// What the runtime does for a process that it leads in, done by the process for itself.
    private func arrive() throws -> ProcessEntry {
        let proc = try HostProc()
        let container = try Container(request.id, in: StateStore(root: request.root))
        let pid = container.record.pid
        guard pid == request.target.pid else { throw RuntimeError("cannot exec in a stopped container") }
        switch try container.status() {
        case .created, .running: break
        case .paused: throw RuntimeError("cannot exec in a paused container")
        case .creating, .stopped: throw RuntimeError("cannot exec in a stopped container")
        }
        let spec = try container.configuration()
        let exec = try ContainerExec(container, try execRequest(spec.process), namespaces.process, spec: spec)
        var plan = exec.plan
        if namespaces.flags.contains(.user) { try GroupChange.adapt(&plan, of: "\(pid)", proc) }
        let confinement = try ProcessConfinement(
            plan, exec.seccomp, hasUserNamespace: namespaces.flags.contains(.user))
        guard confinement.listener == nil else {
            throw RuntimeError("cannot enter a container whose system calls somebody is notified of")
        }
        // 0 is this process, whose number outside it does not know.
        try plan.affinity?.applyInitial()
        let cgroup = try exec.cgroup()
        let entrance = try cgroup.entrance()
        try entrance.enter()
        if !isBornInCgroup { try exec.admit(0, to: cgroup, through: entrance) }
        try container.record.resctrl?.add(0)
        if let affinity = plan.affinity { try affinity.applyFinal(to: 0) } else { CPUAffinityPlan.reset(0) }
        try confinement.raiseLimits(of: 0)
        if let score = plan.oomScoreAdjustment { try proc.write("self/oom_score_adj", "\(score)") }
        try plan.scheduling.apply(to: 0)
        return ProcessEntry(
            plan: plan, confinement: confinement, proc: plan.labels.isEmpty ? nil : proc,
            keyring: container.record.keyring, preservedDescriptors: 0, hasSuccessor: namespaces.flags.contains(.pid))
    }

    /// The container's own process with the other command.
    private func execRequest(_ own: Process?) throws -> ExecRequest {
        guard var process = own else { throw PlanError("process property must not be empty") }
        process.args = request.arguments
        process.terminal = request.terminal == nil ? nil : true
        process.consoleSize = request.terminal.map { ConsoleSize(height: UInt64($0.rows), width: UInt64($0.columns)) }
        let names = Set((process.env ?? []).map { $0.prefix { $0 != "=" } })
        process.env = (process.env ?? []) + request.environment.filter { !names.contains($0.prefix { $0 != "=" }) }
        var exec = ExecRequest()
        exec.process = process
        return exec
    }
}
