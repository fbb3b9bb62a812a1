// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import MonitorProtocol

/// Everything a monitor does after its pod is set up: one thread, one epoll. Nothing in it waits but `epoll_wait`, and
/// the disk when a log line or an exit record is written.
final class MonitorLoop {
    /// What a ready descriptor belongs to.
    enum Source {
        case signals
        case listener
        case readyPipe
        case client(Client)
        case output(OutputStream, Container?)
        case process(Container)
        case entering(ExecSession)
        case attached(AttachedClient)
        /// A standard input that was full.
        case input(Container)
        /// What tells of kills for want of memory.
        case memory(Container)
    }

    enum Phase {
        /// Started, but nobody has taken over yet: the reader of the ready pipe may still give up.
        case waiting(readyPipe: UInt64?)
        case adopted
        /// Everything is being killed; whoever asked for it hears the result, which comes before that time.
        case stopping(Asker?, deadline: UInt64)
        case ended(status: Int32)
    }

    /// What a child of the monitor is, by its pid. All others are orphans of the pod, which are only reaped.
    enum Child {
        case pause
        case call(RuntimeCall)
        case container(Container)
        case exec(ExecSession)
    }

    let options: MonitorOptions
    let log: MonitorLog
    let resources: PodResources
    let protection: OOMProtection
    let streams: PodStreams
    private let epoll: Epoll
    private let signals: SignalFD
    private let readyPipe: ReadyPipe

    var phase = Phase.waiting(readyPipe: nil)
    var containers: [String: Container] = [:]
    /// Of all containers, by the names that clients gave them.
    var execs: [String: ExecSession] = [:]
    var children: [Int32: Child] = [:]
    /// Ends of processes that a running call may be about to name.
    var unclaimed: [Int32: ExitStatus] = [:]
    var buffers = TransferBuffers()
    var deadlines = Deadlines()
    private var sources: [UInt64: Source] = [:]
    private var lastToken: UInt64 = 0
    private var releasesMemorySoon = false
    /// That no client can be accepted.
    var refusalIsTold = false

    /// All signals are blocked.
    init(
        options: MonitorOptions, log: MonitorLog, resources: PodResources, protection: OOMProtection,
        readyPipe: ReadyPipe
    ) throws(Errno) {
        self.options = options
        self.log = log
        self.resources = resources
        self.protection = protection
        self.readyPipe = readyPipe
        streams = PodStreams(options)
        epoll = try Epoll()
        signals = try SignalFD(SignalSet([.child, .terminate]))
        if let pause = resources.namespaces.pausePID { children[pause] = .pause }
        try watch(signals.rawValue, .signals)
        try watch(resources.listenerDescriptor, .listener)
    }

    /// Tells readiness and serves until the end; returns the exit status of the program.
    func run() throws(Errno) -> Int32 {
        try announce()
        while true {
            if case .ended(let status) = phase { return status }
            let events = try epoll.wait(milliseconds: deadlines.millisecondsLeft)
            for event in events {
                // A source that an earlier event of the same round has closed is no longer there.
                if let source = sources[event.token] { handle(source, event) }
            }
            for action in deadlines.takeExpired() { perform(action) }
        }
    }

    private func announce() throws(Errno) {
        releaseMemorySoon()
        do throws(Errno) {
            // Errors and hang-ups are reported unasked: the reader of a pipe closing its end is one.
            phase = .waiting(readyPipe: try watch(readyPipe.rawValue, .readyPipe, for: []))
        } catch .EPERM {
            // A regular file has no reader that could die.
        }
        do throws(Errno) {
            try readyPipe.tell("ready\n")
        } catch {
            beginShutdown(for: nil)
        }
    }

    private func handle(_ source: Source, _ event: Epoll.Event) {
        switch source {
        case .signals: takeSignals()
        case .listener: acceptClient(event.token)
        case .readyPipe: if case .waiting = phase { beginShutdown(for: nil) }
        case .client(let client): serve(client, event)
        case .output(let stream, let container): carry(stream, container, event.token)
        case .process(let container): firstProcessEnded(container, event.token)
        case .entering(let session): advance(session)
        case .attached(let client): serve(client, event)
        case .input(let container): feed(container)
        case .memory(let container): memoryChanged(container)
        }
    }

    // MARK: Memory

    /// A monitor spends its life at rest: a while after it had something to do, it gives back the memory for that.
    func releaseMemorySoon() {
        guard !releasesMemorySoon else { return }
        releasesMemorySoon = true
        deadlines.add(.releaseMemory, afterMilliseconds: 1000)
    }

    func releaseMemory() {
        releasesMemorySoon = false
        buffers.release()
        ProgramMemory.release()
    }

    // MARK: Descriptors

    /// Adds the descriptor under a new token.
    @discardableResult
    func watch(_ fd: Int32, _ source: Source, for interest: Epoll.Interest = .readable) throws(Errno) -> UInt64 {
        lastToken += 1
        try epoll.add(fd, interest, token: lastToken)
        sources[lastToken] = source
        return lastToken
    }

    /// Removes the descriptor; it closes with its last owner.
    func unwatch(_ token: UInt64, _ fd: Int32) {
        // A descriptor that was added is removed without failure.
        do throws(Errno) { try epoll.remove(fd) } catch {}
        sources[token] = nil
    }

    /// Stops watching for a while; the token stays.
    func suspend(_ fd: Int32) {
        // A descriptor that was added is removed without failure.
        do throws(Errno) { try epoll.remove(fd) } catch {}
    }

    func resume(_ fd: Int32, _ token: UInt64, for interest: Epoll.Interest = .readable) {
        do throws(Errno) { try epoll.add(fd, interest, token: token) } catch {
            // The kernel's limit of watches is reached just now: it would never be heard of again.
            log.write("watch descriptor again: \(error)")
            deadlines.add(.resume(fd, token, interest), afterMilliseconds: 1000)
        }
    }

    /// Whether something is still known under the token.
    func knows(_ token: UInt64) -> Bool { sources[token] != nil }

    /// The client that connected under the token, while it is connected.
    func client(_ token: UInt64) -> Client? {
        if case .client(let client) = sources[token] { client } else { nil }
    }

    var clients: [(token: UInt64, client: Client)] {
        sources.compactMap { if case .client(let client) = $0.value { ($0.key, client) } else { nil } }
    }

    func setInterest(_ fd: Int32, _ interest: Epoll.Interest, token: UInt64) {
        // A descriptor that was added is changed without failure.
        do throws(Errno) { try epoll.change(fd, interest, token: token) } catch {}
    }

    // MARK: Signals and adoption

    /// Once adopted, a pod is not stopped by a signal to its monitor: SIGTERM to all processes of a service is meant for
    /// the daemon.
    private func takeSignals() {
        while let signal = try? signals.next() {
            if signal == .terminate, case .waiting = phase { beginShutdown(for: nil) }
        }
        reapChildren()
    }

    /// From now on nobody's death ends the monitor.
    func adopt() {
        guard case .waiting(let token) = phase else { return }
        if let token { unwatch(token, readyPipe.rawValue) }
        readyPipe.close()
        phase = .adopted
    }
}
