// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// What a monitor makes on the machine and takes away again: its lock, its socket, and the pod's namespaces.
final class PodResources {
    private let lock: MonitorLock
    private let socketPath: String
    private var listener: UnixSocket?
    var namespaces: PodNamespaces

    var listenerDescriptor: Int32 { listener?.rawValue ?? -1 }

    /// Makes all of it; on failure, what was made is taken away.
    init(_ options: MonitorOptions) throws {
        let run = options.runDirectory
        lock = try MonitorLock(path: "\(run)/lock")
        socketPath = "\(run)/monitor.sock"
        namespaces = PodNamespaces(options)
        do {
            try namespaces.create(hostname: options.hostname, sysctls: options.sysctls)
            try listen()
        } catch {
            let first = error
            // The first failure is the one to tell.
            try? remove()
            throw first
        }
    }

    private func listen() throws(SystemError) {
        listener = try SystemError.attempt("listen on", socketPath) { () throws(Errno) in
            try UnixSocket.removeStale(socketPath)
            let socket = try UnixSocket.listen(socketPath, .sequencedPackets)
            try socket.descriptor.setNonblocking(true)
            return socket
        }
    }

    /// The next client, nil when there is none now.
    func accept() throws(Errno) -> UnixSocket? {
        do throws(Errno) {
            return try listener?.accept(nonblocking: true)
        } catch .EAGAIN {
            return nil
        }
    }

    /// Takes everything away, in the order opposite to that of making; may be repeated when it fails.
    func remove() throws {
        try namespaces.killPause()
        try namespaces.unpin()
        do throws(Errno) {
            try Syscall.removeFile(socketPath)
        } catch .ENOENT {
        } catch {
            throw SystemError("remove", socketPath, error)
        }
        lock.remove()
    }
}
