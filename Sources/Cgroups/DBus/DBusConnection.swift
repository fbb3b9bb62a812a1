// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// A connection to a bus, or to one peer without a bus between.
///
/// Calls are made one after the other; signals that arrive meanwhile are kept for `waitForSignal`. Nothing waits longer
/// than the patience of the connection.
struct DBusConnection: ~Copyable {
    private let socket: UnixSocket
    private let name: String
    private var received: [UInt8] = []
    private var signals: [DBusMessage] = []
    private var lastSerial: UInt32 = 0
    /// Milliseconds that an answer or a signal may take.
    var patience: Int32 = 30_000

    /// Connects to the socket and authenticates.
    static func connect(_ path: String) throws(CgroupError) -> DBusConnection {
        let socket = try CgroupError.attempt("connect to", path) { () throws(Errno) in try UnixSocket.connect(path) }
        return try authenticated(socket, path)
    }

    /// The connection with the name over the connected socket.
    static func authenticated(_ socket: consuming UnixSocket, _ name: String) throws(CgroupError) -> DBusConnection {
        var connection = DBusConnection(socket, name)
        try connection.send(authentication(uid: Syscall.effectiveUserID, isMapped: usersAreMapped()))
        try connection.awaitAcceptance()
        return connection
    }

    private init(_ socket: consuming UnixSocket, _ name: String) {
        self.socket = socket
        self.name = name
    }

    /// What the client says until the first message, at once: a NUL byte, the mechanism EXTERNAL with the digits of the
    /// user's id in hexadecimal, and BEGIN. Inside a user namespace the other end knows the user by another number, so
    /// there the id is left to the socket's credentials. See the D-Bus specification, "Authentication Protocol".
    static func authentication(uid: UInt32, isMapped: Bool) -> [UInt8] {
        if isMapped { return Array("\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n".utf8) }
        let identity = "\(uid)".utf8.map { "3\(Character(UnicodeScalar($0)))" }.joined()
        return Array("\0AUTH EXTERNAL \(identity)\r\nBEGIN\r\n".utf8)
    }

    private static func usersAreMapped() -> Bool {
        // Without /proc nothing else works either; the plain form is right then.
        guard let map = try? Syscall.readText("/proc/self/uid_map") else { return false }
        return map.split(whereSeparator: \.isWhitespace) != ["0", "0", "4294967295"]
    }

    /// The other end's lines up to OK; what follows them are messages.
    private mutating func awaitAcceptance() throws(CgroupError) {
        let deadline = KernelClock.monotonic + Int64(patience) * 1_000_000
        while true {
            while let newline = received.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: received[..<newline], as: UTF8.self)
                received.removeSubrange(...newline)
                if line.hasPrefix("OK") { return }
                guard line.hasPrefix("DATA") else {
                    let answer = line.split(whereSeparator: \.isWhitespace).joined(separator: " ")
                    throw CgroupError(.bus("auth"), "authenticate to \"\(name)\": \(answer)")
                }
            }
            try receive(before: deadline)
        }
    }

    private borrowing func send(_ bytes: [UInt8]) throws(CgroupError) {
        do throws(Errno) {
            var rest = bytes[...]
            while !rest.isEmpty { rest = rest.dropFirst(try socket.send(Array(rest))) }
        } catch {
            throw CgroupError("send to", name, error)
        }
    }

    private mutating func receive(before deadline: Int64) throws(CgroupError) {
        do throws(Errno) {
            // Also where there is always something to read: signals of a busy manager, but not the right one.
            let left = deadline - KernelClock.monotonic
            guard left > 0,
                try !Syscall.poll(
                    socket.rawValue, for: .readable, milliseconds: Int32(clamping: left / 1_000_000)
                ).isEmpty
            else { throw .ETIMEDOUT }
            let bytes = try socket.receive(upTo: 65536).bytes
            guard !bytes.isEmpty else { throw .ECONNRESET }
            received += bytes
        } catch {
            throw CgroupError("receive from", name, error)
        }
    }

    private mutating func next(before deadline: Int64) throws(CgroupError) -> DBusMessage {
        while true {
            do throws(DBusDecoder.Malformed) {
                if let length = try DBusMessage.length(of: received), received.count >= length {
                    let message = try DBusMessage(decoding: Array(received[..<length]))
                    received.removeFirst(length)
                    return message
                }
            } catch {
                throw CgroupError(.bus("malformed"), "receive from \"\(name)\": malformed \(error.what)")
            }
            try receive(before: deadline)
        }
    }

    /// Calls a method and returns the values of its answer. An error that the other end answers has the code `bus` with
    /// its name.
    mutating func call(_ message: DBusMessage) throws(CgroupError) -> [DBusValue] {
        let deadline = KernelClock.monotonic + Int64(patience) * 1_000_000
        var message = message
        lastSerial += 1
        message.serial = lastSerial
        try send(message.encoded())
        while true {
            let answer = try next(before: deadline)
            switch answer.kind {
            case .reply where answer.replySerial == lastSerial: return answer.body
            case .error where answer.replySerial == lastSerial:
                let name = answer.errorName ?? "unknown"
                throw CgroupError(.bus(name), answer.body.first?.text ?? name)
            case .signal: signals.append(answer)
            case .call, .reply, .error: continue
            }
        }
    }

    /// The first signal of the name, already here or still to come, that the body takes for the right one.
    mutating func waitForSignal(
        _ member: String, _ isRight: (DBusMessage) -> Bool
    ) throws(CgroupError) -> DBusMessage {
        let deadline = KernelClock.monotonic + Int64(patience) * 1_000_000
        while true {
            if let index = signals.firstIndex(where: { $0.member == member && isRight($0) }) {
                return signals.remove(at: index)
            }
            signals = []
            let message = try next(before: deadline)
            if message.kind == .signal { signals.append(message) }
        }
    }
}
