// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// Init's end of the protocol in InitMessages.swift: one method for each thing that it may say.
struct InitEndpoint: ~Copyable {
    private let socket: UnixSocket
    private static let proceed: [UInt8] = [1]

    init(_ socket: consuming UnixSocket) { self.socket = socket }

    /// The number that must stay open as long as there is something to say.
    var rawValue: Int32 { socket.rawValue }

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
            _ = try socket.send(InitMessage.terminal(name).bytes, descriptors: [master])
        }
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

    /// Plain write(2) and read(2), which keep the bounds of messages too: a filter that is in force already may forbid
    /// sendmsg(2) and recvmsg(2).
    private func send(_ message: InitMessage) throws(SystemError) {
        try SystemError.attempt("send to", "runtime") { () throws(Errno) in
            _ = try Syscall.write(socket.rawValue, message.bytes[...])
        }
    }

    private func waitToProceed() throws(SystemError) {
        let bytes = try SystemError.attempt("receive from", "runtime") { () throws(Errno) in
            try Syscall.read(socket.rawValue, upTo: 16)
        }
        // The runtime is gone: nobody would ever start or delete this process.
        guard bytes == Self.proceed else { Syscall.exitNow(1) }
    }
}

/// The runtime's end of the protocol in InitMessages.swift.
struct RuntimeEndpoint: ~Copyable {
    private let socket: UnixSocket

    init(_ socket: consuming UnixSocket) { self.socket = socket }

    func waitForSpawned() throws -> Int32 {
        guard case .spawned(let pid) = try receive().message else { throw Self.unexpected("spawned") }
        return pid
    }

    func waitForIsolation() throws { try expect(.isolated, "isolated") }
    func waitForRootfs() throws { try expect(.rootfsIsReady, "rootfsIsReady") }
    func waitForReadiness() throws { try expect(.ready, "ready") }

    func waitForListener() throws -> Int32 {
        guard case .listener(let number) = try receive().message else { throw Self.unexpected("listener") }
        return number
    }

    func waitForTerminal() throws -> (name: String, master: SharedFD) {
        let (message, descriptors) = try receive()
        guard case .terminal(let name) = message, let master = descriptors.first else {
            throw Self.unexpected("terminal")
        }
        return (name, master)
    }

    func proceed() throws {
        do throws(Errno) {
            _ = try socket.send([1])
        } catch  where error == .EPIPE || error == .ECONNRESET {
            // What it said before its end tells more: the last of that ends this loop.
            while true { _ = try receive() }
        } catch {
            throw SystemError("send to", "container init", error)
        }
    }

    /// Returns when the program was executed.
    func waitForExecution() throws {
        let message = try nextMessage()
        if message.bytes.isEmpty { return }
        _ = try Self.parse(message)
        throw Self.unexpected("end of stream")
    }

    private func expect(_ expected: InitMessage, _ name: String) throws {
        guard try receive().message == expected else { throw Self.unexpected(name) }
    }

    private func receive() throws -> (message: InitMessage, descriptors: [SharedFD]) {
        let message = try nextMessage()
        guard !message.bytes.isEmpty else { throw RuntimeError.initEnded }
        return (try Self.parse(message), message.descriptors)
    }

    private func nextMessage() throws(SystemError) -> UnixSocket.Message {
        try SystemError.attempt("receive from", "container init") { () throws(Errno) in
            do throws(Errno) {
                return try socket.receive(upTo: 65536)
            } catch .ECONNRESET {
                // It has ended with a word of ours unread, which the kernel tells once, before its own last words.
                return try socket.receive(upTo: 65536)
            }
        }
    }

    private static func parse(_ message: UnixSocket.Message) throws -> InitMessage {
        guard !message.isTruncated, let parsed = InitMessage(message.bytes) else {
            throw RuntimeError("container init sent a malformed message")
        }
        if case .failed(let failure) = parsed { throw failure }
        return parsed
    }

    private static func unexpected(_ name: String) -> RuntimeError {
        RuntimeError("container init sent something else than \"\(name)\"")
    }
}
