// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The way of a service's readiness from the container to the manager that has started the runtime. See sd_notify(3).
///
/// The manager's socket is not for containers: who may write to it may claim anything. `create` shows the directory
/// `<state>/notify` at /run/notify inside. `start`, or `run`, makes the socket in it before the program begins, waits for
/// `READY=1`, and passes on only that, with the pid to watch, as runc does.
package struct NotifySocket: Sendable {
    /// Where the container finds the directory.
    static let directory = "/run/notify"
    /// What its processes are told.
    static let variable = "NOTIFY_SOCKET=\(directory)/notify.sock"

    private let manager: String
    private let socket: SharedFD

    /// Makes the socket in the container's directory. `manager` is the path of the other one, or `@` and its name.
    init(_ manager: String, in directory: String) throws {
        self.manager = manager
        let path = "\(directory)/notify.sock"
        socket = try SystemError.attempt("create", path) { () throws(Errno) in
            do throws(Errno) { try Syscall.removeFile(path) } catch .ENOENT {}
            // Every user of the container may tell.
            return SharedFD(try UnixSocket.bindDatagrams(path, mode: 0o777))
        }
    }

    /// Readable when there is something to pass on.
    var rawValue: Int32 { socket.rawValue }

    /// Waits until the service is ready or has ended, and passes its readiness on.
    func relay(_ process: SharedPidFD, pid: Int32) throws {
        let epoll = try SystemError.attempt("create", "epoll") { () throws(Errno) in try Epoll() }
        try SystemError.attempt("watch", "notify socket") { () throws(Errno) in
            try epoll.add(process.pidfd.rawValue, .readable, token: 0)
            try epoll.add(socket.rawValue, .readable, token: 1)
        }
        while true {
            let events = try SystemError.attempt("wait for", "notify socket") { () throws(Errno) in try epoll.wait() }
            if events.contains(where: { $0.token == 1 }), try passOn(pid: pid) { return }
            if events.contains(where: { $0.token == 0 }) { return }
        }
    }

    /// Reads one message; true once the manager knows that the service is ready.
    func passOn(pid: Int32) throws -> Bool {
        let message = try SystemError.attempt("receive from", "notify socket") { () throws(Errno) in
            // Descriptors that come with it are not wanted: read(2) drops them.
            try Syscall.read(socket.rawValue, upTo: 4096)
        }
        let lines = String(decoding: message, as: UTF8.self).split(separator: "\n")
        guard let ready = lines.first(where: { $0.hasPrefix("READY=") }) else { return false }
        try SystemError.attempt("notify", manager) { () throws(Errno) in
            let address = manager.hasPrefix("@") ? "\0" + manager.dropFirst() : manager
            let connection = try UnixSocket.connect(address, .datagrams)
            try connection.send(Array("\(ready)\n".utf8))
            try connection.send(Array("MAINPID=\(pid)\n".utf8))
            try waitForBarrier(connection)
        }
        return true
    }

    /// The manager closes the pipe when it has read all that came before, see sd_notify_barrier(3). It knows the sender
    /// by its pid only, so the sender must live until then.
    private func waitForBarrier(_ connection: borrowing UnixSocket) throws(Errno) {
        var pipe = try Pipe()
        guard let reader = pipe.takeReader(), let writer = pipe.takeWriter() else { throw .EBADF }
        try connection.send(Array("BARRIER=1".utf8), descriptors: [writer.rawValue])
        try writer.close()
        // A manager that is too old to know of barriers is not waited for any longer.
        _ = try Syscall.poll(reader.rawValue, for: .readable, milliseconds: 30_000)
    }
}

extension StateStore {
    func notifyDirectory(_ id: String) -> String { "\(directory(id))/notify" }
}
