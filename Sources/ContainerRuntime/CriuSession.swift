// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// A running `criu swrk`, the form of criu(8) that takes one request from the program that started it.
struct CriuSession: ~Copyable {
    enum Operation: UInt64 {
        case dump = 1
        case restore = 2
        case preDump = 4

        var name: String { self == .dump ? "DUMP" : self == .restore ? "RESTORE" : "PRE_DUMP" }
    }

    /// Something that criu tells on the way and waits for an answer to.
    struct Event {
        /// `post-restore` and the like.
        var script: String
        var pid: Int32
        /// A terminal's master end, with `orphan-pts-master`.
        var descriptors: [SharedFD]
    }

    /// Number of the socket in criu.
    private static let socketNumber: Int32 = 3
    /// Numbers of the descriptors that are passed on begin here.
    static let firstInherited: Int32 = 4

    private let socket: UnixSocket
    private let child: ChildProcess
    private let log: String
    /// criu looks into this process for them, so they stay open.
    private let directories: CheckpointDirectories
    var pid: Int32 { child.pid }

    /// Starts criu with descriptors that a restored process inherits, from `firstInherited` up.
    init(
        _ options: CriuOptions, _ directories: CheckpointDirectories, inherited: [SharedFD] = [], log: String
    ) throws {
        guard let program = ChildPlan.find(options.program, path: options.searchPath) else {
            throw RuntimeError("exec: \"\(options.program)\": executable file not found in $PATH")
        }
        var pair = try SystemError.attempt("create", "socket") { () throws(Errno) in
            try UnixSocket.pair(.sequencedPackets)
        }
        guard let ours = pair.takeFirst(), let theirs = pair.takeSecond() else { throw RuntimeError.initEnded }
        var plan = ChildPlan(
            program, [program, "swrk", "\(Self.socketNumber)"], environment: ["PATH=\(options.searchPath)"])
        plan.descriptors = [0, 1, 2, theirs.rawValue] + inherited.map(\.rawValue)
        child = try SystemError.attempt("execute", program) { () throws(Errno) in
            try withExtendedLifetime(inherited) { () throws(Errno) in try ChildProcess(plan) }
        }
        Self.drop(theirs)
        self.directories = directories
        socket = ours
        self.log = "\(options.workPath)/\(log)"
    }

    /// Sends the request and answers what comes on the way, until criu is done. Returns what it said.
    func run(
        _ operation: Operation, _ options: CriuMessage, _ handle: (Event) throws -> Void
    ) throws -> CriuAnswer {
        var request = CriuMessage()
        request.add(1, operation.rawValue)
        request.add(2, options)
        try send(request)
        while true {
            let message = try SystemError.attempt("receive from", "criu") { () throws(Errno) in
                try socket.receive(upTo: 1 << 16)
            }
            guard !message.bytes.isEmpty, let answer = CriuAnswer(message.bytes) else {
                throw failure(operation, "it ended without an answer")
            }
            guard answer.number(2) == 1 else {
                throw failure(operation, "errno \(answer.number(7) ?? 0)")
            }
            guard let note = answer.message(5) else { return answer }
            let pid = Int32(truncatingIfNeeded: note.number(2) ?? 0)
            try handle(Event(script: note.text(1) ?? "", pid: pid, descriptors: message.descriptors))
            var reply = CriuMessage()
            reply.add(1, 6)
            reply.add(3, true)
            try send(reply)
        }
    }

    private func send(_ message: CriuMessage) throws {
        try SystemError.attempt("send to", "criu") { () throws(Errno) in _ = try socket.send(message.bytes) }
    }

    /// Ends the connection, by which criu ends, and reaps it.
    consuming func finish() {
        let child = close()
        // Its answer was what counted.
        _ = try? child.wait()
    }

    private consuming func close() -> ChildProcess { child }

    /// Keeps a socket open until here.
    private static func drop(_ socket: consuming UnixSocket) {}

    /// The errors in the log say more than the answer.
    private func failure(_ operation: Operation, _ reason: String) -> RuntimeError {
        // By words: a search for a text would link Swift's regular expressions, a third of the program.
        let lines = ((try? Syscall.readText(log)) ?? "").split(separator: "\n").map { $0.split(separator: " ") }
        let errors = lines.filter { line in line.contains("Error") && !line.contains { $0.hasPrefix("FAILED") } }
        let said = errors.suffix(3).map { "\n" + $0.joined(separator: " ") }.joined()
        return RuntimeError("criu failed: type \(operation.name) \(reason)\(said)\nlog file: \(log)")
    }
}
