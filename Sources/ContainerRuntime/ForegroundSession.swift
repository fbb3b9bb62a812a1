// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Linux

/// The runtime in the foreground: carries bytes between its own terminal and the container's, passes signals on, and
/// waits for the end.
///
/// One thread, one epoll; nothing blocks.
package struct ForegroundSession: ~Copyable {
    private enum Token: UInt64 { case process, signals, input, output, readiness }

    private let process: SharedPidFD
    private let master: SharedFD?
    /// The other end of it, for as long as the process lives: one that closes its terminal may open it again.
    private var peer: SharedFD?
    /// Where the program says that it is ready, and the pid by which its manager shall know it.
    private let notifySocket: (socket: NotifySocket, pid: Int32)?
    private let signals: SignalFD
    private let epoll: Epoll
    private var savedSettings: Terminal.Settings?
    private let input: Int32 = 0
    private let output: Int32 = 1
    /// Nobody reads the output any more.
    private var outputIsGone = false
    /// What the program's terminal did not take yet.
    private var pendingInput: ArraySlice<UInt8> = []

    /// Keeps signals back until `run` passes them on. To be called before the process is started, so that none ends the
    /// runtime in between.
    package static func holdSignals() throws {
        try SystemError.attempt("block", "signals") { () throws(Errno) in _ = try SignalSet.all.block() }
    }

    /// For the process of a new container.
    package init(_ created: CreatedContainer) throws {
        try self.init(
            created.process, created.terminal, created.notifySocket.map { ($0, created.container.record.pid) })
    }

    /// For a process that was executed in a container.
    package init(_ executed: ExecutedProcess) throws {
        try self.init(executed.process, executed.terminal, nil)
    }

    private init(
        _ process: SharedPidFD, _ terminal: SharedFD?, _ notifySocket: (socket: NotifySocket, pid: Int32)?
    ) throws {
        let signals = try SystemError.attempt("watch", "signals") { () throws(Errno) in try SignalFD(.all) }
        let epoll = try SystemError.attempt("create", "epoll") { () throws(Errno) in try Epoll() }
        self.process = process
        self.notifySocket = notifySocket
        self.signals = signals
        self.epoll = epoll
        master = terminal
        // A caller without rights may not open the terminal of another user; then its last close is the end of the output.
        peer = terminal.flatMap { try? SharedFD(Terminal.openPeer(of: $0.rawValue)) }
    }

    /// Sets a terminal up before the program can write to it: newlines stay newlines, and the size is that of the
    /// runtime's own terminal.
    static func prepare(_ master: SharedFD) throws {
        try SystemError.attempt("set up", "terminal") { () throws(Errno) in
            try Terminal.clearNewlineTranslation(master.rawValue)
            guard Terminal.isTerminal(0) else { return }
            try Terminal.setWindowSize(master.rawValue, try Terminal.windowSize(0))
        }
    }

    private func watch() throws(Errno) {
        try epoll.add(process.pidfd.rawValue, .readable, token: Token.process.rawValue)
        try epoll.add(signals.rawValue, .readable, token: Token.signals.rawValue)
        guard let notifySocket else { return }
        try epoll.add(notifySocket.socket.rawValue, .readable, token: Token.readiness.rawValue)
    }

    private mutating func openTerminal() throws(Errno) {
        guard let master else { return }
        try master.descriptor.setNonblocking(true)
        try epoll.add(master.rawValue, .readable, token: Token.output.rawValue)
        if Terminal.isTerminal(input) {
            savedSettings = try Terminal.makeRaw(input, processesOutput: true)
        }
        // A regular file cannot be watched; it is read whole, once, when the loop begins.
        do throws(Errno) {
            try epoll.add(input, .readable, token: Token.input.rawValue)
        } catch .EPERM {
            pendingInput = try readFile()[...]
            try watchMaster()
        }
    }

    /// Runs until the process has ended and its last output is written; reaps it.
    package mutating func run() throws -> ExitStatus {
        defer { restore() }
        return try SystemError.attempt("wait for", "process") { () throws(Errno) in
            try watch()
            try openTerminal()
            while true {
                for event in try epoll.wait() {
                    switch Token(rawValue: event.token) {
                    case .process:
                        let status = try process.pidfd.reap()
                        peer = nil
                        try drain()
                        return status
                    case .signals: try forwardSignals()
                    case .input: try readInput()
                    case .output: try serveMaster(event.ready)
                    case .readiness: try passReadinessOn()
                    case nil: break
                    }
                }
            }
        }
    }

    private func restore() {
        guard let savedSettings else { return }
        // The terminal may be gone with its window.
        try? Terminal.restore(input, savedSettings)
    }

    /// Once; a manager that is gone is no reason to leave the program alone.
    private func passReadinessOn() throws(Errno) {
        guard let notifySocket, (try? notifySocket.socket.passOn(pid: notifySocket.pid)) ?? true else { return }
        try epoll.remove(notifySocket.socket.rawValue)
    }

    private func forwardSignals() throws(Errno) {
        while let signal = try signals.next() {
            switch signal {
            case .windowChanged: try copyWindowSize()
            case .child, .pipe: break
            default:
                do throws(Errno) { try process.pidfd.send(signal) } catch .ESRCH {}
            }
        }
    }

    private func copyWindowSize() throws(Errno) {
        guard let master, Terminal.isTerminal(input) else { return }
        try Terminal.setWindowSize(master.rawValue, try Terminal.windowSize(input))
    }

    private mutating func readInput() throws(Errno) {
        guard pendingInput.isEmpty else { return }
        let bytes: [UInt8]
        do throws(Errno) {
            bytes = try Syscall.read(input, upTo: 4096)
        } catch .EAGAIN {
            return
        } catch {
            // A terminal that is gone, for one: no more input.
            bytes = []
        }
        if bytes.isEmpty {
            // As in runc: the end of the input is not the end of the terminal.
            try epoll.remove(input)
        } else {
            pendingInput = bytes[...]
            try flushInput()
        }
    }

    private func readFile() throws(Errno) -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let bytes = try Syscall.read(input, upTo: 65536)
            if bytes.isEmpty { return all }
            all += bytes
        }
    }

    private mutating func flushInput() throws(Errno) {
        guard let master, !pendingInput.isEmpty else { return }
        do throws(Errno) {
            pendingInput = pendingInput.dropFirst(try Syscall.write(master.rawValue, pendingInput))
        } catch .EAGAIN {
        } catch .EIO {
            pendingInput = []
        }
        try watchMaster()
    }

    private func watchMaster() throws(Errno) {
        guard let master else { return }
        try epoll.change(
            master.rawValue, pendingInput.isEmpty ? .readable : [.readable, .writable], token: Token.output.rawValue)
    }

    private mutating func serveMaster(_ ready: Epoll.Interest) throws(Errno) {
        if ready.contains(.writable) { try flushInput() }
        guard let master, ready.contains(.readable) || ready.contains(.hangUp) else { return }
        // EIO: every process has closed the terminal.
        if try !copyOutput(master) { try epoll.remove(master.rawValue) }
    }

    /// One read; false at the end of the output.
    private mutating func copyOutput(_ master: SharedFD) throws(Errno) -> Bool {
        do throws(Errno) {
            let bytes = try master.descriptor.read(upTo: 65536)
            deliver(bytes)
            return !bytes.isEmpty
        } catch .EIO {
            return false
        }
    }

    /// A reader that has gone is no reason to leave the program alone: its output is dropped from then on.
    private mutating func deliver(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty, !outputIsGone {
            do throws(Errno) {
                rest = rest.dropFirst(try Syscall.write(output, rest))
            } catch .EAGAIN {
                // Somebody has made the stream nonblocking. Whatever ends the waiting, the next write tells.
                _ = try? Syscall.poll(output, for: .writable, milliseconds: -1)
            } catch {
                outputIsGone = true
            }
        }
    }

    /// What the program wrote before its end.
    private mutating func drain() throws(Errno) {
        guard let master else { return }
        do throws(Errno) { while try copyOutput(master) {} } catch .EAGAIN {}
    }
}
