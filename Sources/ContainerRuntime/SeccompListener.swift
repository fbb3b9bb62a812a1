// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import OCIRuntimeSpec

/// The handing over of seccomp notifications to the one who decides, runtime-spec "The Container Process State".
///
/// The process has the filter already when it has the descriptor, so it may not be able to send it, or wait for ever for
/// the permission to. It writes the number only, and the runtime, which has no filter, takes a copy.
enum SeccompListener {
    /// One message to the socket: the state as JSON, the descriptor by SCM_RIGHTS.
    static func deliver(
        to listener: SeccompPlan.Listener, from process: borrowing InitProcess, _ state: State
    ) throws {
        let number = try process.channel.waitForListener()
        let pid = process.pid
        let descriptor = try SystemError.attempt("take seccomp listener of", "process \(pid)") { () throws(Errno) in
            try process.pidfd.copy(descriptor: number)
        }
        let message = ContainerProcessState(fds: ["seccompFd"], pid: pid, metadata: listener.metadata, state: state)
        try DescriptorSocket.send(
            descriptor.rawValue, JSONText.encode(message), to: listener.path, as: "seccomp listener")
        try process.channel.proceed()
    }
}

extension ProcessEntry {
    /// The runtime's part while `takeIdentity` and `succeed` run: takes the listener, and follows the process to its
    /// successor. Afterwards the process is the one that runs the program.
    func attendFilterAndBirth(_ process: inout InitProcess, _ state: @autoclosure () throws -> State) throws {
        let listener = confinement.listener
        if let listener, filterTime == .beforeIdentity {
            try SeccompListener.deliver(to: listener, from: process, try state())
        }
        if hasSuccessor { try process.becomeSpawned() }
        if let listener, filterTime != .beforeIdentity {
            try SeccompListener.deliver(to: listener, from: process, try state())
        }
    }
}

/// Unix sockets of the runtime's callers that wait for one descriptor.
enum DescriptorSocket {
    /// Connects, and sends the text with the descriptor. `role` is what the socket is called in errors.
    static func send(_ descriptor: Int32, _ text: [UInt8], to path: String, as role: String) throws {
        let socket = try SystemError.attempt("connect to \(role)", path) { () throws(Errno) in
            try UnixSocket.connect(path)
        }
        try SystemError.attempt("send to \(role)", path) { () throws(Errno) in
            // A stream may take less than all; the descriptor goes with the first byte.
            let sent = try socket.send(text, descriptors: [descriptor])
            try Syscall.writeAll(socket.rawValue, Array(text.dropFirst(sent)))
        }
    }

    /// The pidfd of a process, for `--pidfd-socket`. The payload is runc's.
    static func send(pidfd: borrowing PidFD, to path: String) throws {
        try send(pidfd.rawValue, Array("pidfd".utf8), to: path, as: "pidfd socket")
    }
}
