// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// What the runtime and a process on its way into a container speak through.
///
/// Two pipes, which keep the bounds of messages, and for the time that a terminal may be handed over a socket. A process
/// that its neighbours in the container can see has the pipes alone: a socket would lead them to the runtime, a process
/// of the host, by SO_PEERPIDFD.
struct InitChannel: ~Copyable {
    private var runtime: RuntimeEndpoint?
    private var process: InitEndpoint?

    /// With `isAttended` false the runtime only listens.
    init(handsTerminal: Bool, isAttended: Bool = true) throws(SystemError) {
        do throws(Errno) {
            var news = try Pipe(keepsBounds: true)
            var word = isAttended ? try Pipe(keepsBounds: true) : nil
            var sockets = handsTerminal ? try UnixSocket.pair(.sequencedPackets) : nil
            guard let reader = news.takeReader(), let writer = news.takeWriter() else { throw .EBADF }
            runtime = RuntimeEndpoint(
                news: reader, word: SharedFD(word?.takeWriter()), terminals: TerminalSocket(sockets?.takeFirst()))
            process = InitEndpoint(
                news: writer, word: SharedFD(word?.takeReader()), terminals: TerminalSocket(sockets?.takeSecond()))
        } catch {
            throw SystemError("create", "channel", error)
        }
    }

    /// In the process: gives the other end up.
    consuming func takeProcess() -> InitEndpoint {
        runtime = nil
        guard let end = process.take() else { preconditionFailure("an end of a channel is taken twice") }
        return end
    }

    /// In the runtime: gives the other end up.
    consuming func takeRuntime() -> RuntimeEndpoint {
        process = nil
        guard let end = runtime.take() else { preconditionFailure("an end of a channel is taken twice") }
        return end
    }
}

/// A socket that structures may share.
private final class TerminalSocket: Sendable {
    let socket: UnixSocket

    init?(_ socket: consuming UnixSocket?) {
        guard let socket = consume socket else { return nil }
        self.socket = socket
    }
}

/// Init's end of the protocol in InitMessages.swift: one method for each thing that it may say.
struct InitEndpoint: ~Copyable {
    private let news: OwnedFD
    private let word: SharedFD?
    private let terminals: TerminalSocket?
    fileprivate static let proceed: [UInt8] = [1]

    fileprivate init(news: consuming OwnedFD, word: SharedFD?, terminals: TerminalSocket?) {
        self.news = news
        self.word = word
        self.terminals = terminals
    }

    /// The numbers that must stay open as long as there is something to say.
    var pipes: [Int32] { [news.rawValue] + [word?.rawValue].compactMap(\.self) }

    /// The same with that for the terminal.
    var all: [Int32] { pipes + [terminals?.socket.rawValue].compactMap(\.self) }

    func announceSpawned(_ pid: Int32) throws(SystemError) { try send(.spawned(pid)) }

    /// In the spawned process: waits until the runtime knows it, so that its messages come after that of its maker.
    func waitUntilKnown() throws(SystemError) { try waitToProceed() }

    /// Says that the namespaces are entered.
    func announceIsolation() throws(SystemError) { try send(.isolated) }

    /// Waits until the runtime has done its part for the process: mappings, limits, what is left of the cgroup.
    func waitForPlace() throws(SystemError) { try waitToProceed() }

    /// Says that the rootfs is complete, and waits for the hooks of the runtime's side.
    func announceRootfs() throws(SystemError) {
        try send(.rootfsIsReady)
        try waitToProceed()
    }

    func send(terminal name: String, master: Int32) throws(SystemError) {
        try SystemError.attempt("send to", "runtime") { () throws(Errno) in
            guard let terminals else { throw .EBADF }
            // It is there when the message that announces it comes.
            try terminals.socket.send(Self.proceed, descriptors: [master])
        }
        try send(.terminal(name))
    }

    /// Names the descriptor of the seccomp notifications, and waits until the runtime has a copy.
    func hand(listener number: Int32) throws(SystemError) {
        try send(.listener(number))
        try waitToProceed()
    }

    /// Says that only the execution is left, and waits for the word.
    func announceReadiness() throws(SystemError) {
        try send(.ready)
        try waitToProceed()
    }

    /// The last words; a runtime that is gone does not hear them.
    func report(_ failure: InitFailure) {
        do throws(SystemError) { try send(.failed(failure)) } catch {}
    }

    /// Plain write(2) and read(2): a filter that is in force already may forbid more.
    private func send(_ message: InitMessage) throws(SystemError) {
        try SystemError.attempt("send to", "runtime") { () throws(Errno) in
            _ = try Syscall.write(news.rawValue, message.bytes[...])
        }
    }

    private func waitToProceed() throws(SystemError) {
        let bytes = try SystemError.attempt("receive from", "runtime") { () throws(Errno) in
            guard let word = word?.rawValue else { throw .EBADF }
            return try Syscall.read(word, upTo: 16)
        }
        // The runtime is gone: nobody would ever start or delete this process.
        guard bytes == Self.proceed else { Syscall.exitNow(1) }
    }
}

/// The runtime's end of the protocol in InitMessages.swift.
struct RuntimeEndpoint: ~Copyable {
    /// Readable when there is something to hear.
    let news: OwnedFD
    private let word: SharedFD?
    private let terminals: TerminalSocket?

    fileprivate init(news: consuming OwnedFD, word: SharedFD?, terminals: TerminalSocket?) {
        self.news = news
        self.word = word
        self.terminals = terminals
    }

    func waitForSpawned() throws -> Int32 {
        guard case .spawned(let pid) = try receive() else { throw Self.unexpected("spawned") }
        return pid
    }

    func waitForIsolation() throws { try expect(.isolated, "isolated") }
    func waitForRootfs() throws { try expect(.rootfsIsReady, "rootfsIsReady") }
    func waitForReadiness() throws { try expect(.ready, "ready") }

    func waitForListener() throws -> Int32 {
        guard case .listener(let number) = try receive() else { throw Self.unexpected("listener") }
        return number
    }

    func waitForTerminal() throws -> (name: String, master: SharedFD) {
        guard case .terminal(let name) = try receive() else { throw Self.unexpected("terminal") }
        return (name, try takeTerminal())
    }

    /// The descriptor that came before the message that announces it.
    func takeTerminal() throws -> SharedFD {
        let message = try SystemError.attempt("receive from", "container init") { () throws(Errno) in
            guard let terminals else { throw .EBADF }
            return try terminals.socket.receive(upTo: 16, wait: false)
        }
        guard let master = message.descriptors.first else { throw Self.unexpected("terminal") }
        return master
    }

    func proceed() throws {
        do throws(Errno) {
            guard let word = word?.rawValue else { throw .EBADF }
            _ = try Syscall.write(word, InitEndpoint.proceed[...])
        } catch .EPIPE {
            // What it said before its end tells more: the last of that ends this loop.
            while true { _ = try receive() }
        } catch {
            throw SystemError("send to", "container init", error)
        }
    }

    /// Returns when the program was executed.
    func waitForExecution() throws {
        guard let message = try next() else { return }
        if case .failed(let failure) = message { throw failure }
        throw Self.unexpected("end of stream")
    }

    /// The next message, nil at the end.
    func next() throws -> InitMessage? {
        let bytes = try SystemError.attempt("receive from", "container init") { () throws(Errno) in
            try Syscall.read(news.rawValue, upTo: InitMessage.maximum)
        }
        if bytes.isEmpty { return nil }
        guard let message = InitMessage(bytes) else { throw RuntimeError("container init sent a malformed message") }
        return message
    }

    private func expect(_ expected: InitMessage, _ name: String) throws {
        guard try receive() == expected else { throw Self.unexpected(name) }
    }

    private func receive() throws -> InitMessage {
        guard let message = try next() else { throw RuntimeError.initEnded }
        if case .failed(let failure) = message { throw failure }
        return message
    }

    private static func unexpected(_ name: String) -> RuntimeError {
        RuntimeError("container init sent something else than \"\(name)\"")
    }
}

extension SharedFD {
    fileprivate convenience init?(_ descriptor: consuming OwnedFD?) {
        guard let descriptor = consume descriptor else { return nil }
        self.init(descriptor)
    }
}
