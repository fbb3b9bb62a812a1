// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The socket to which plugins connect; only the superuser can.
final class PluginListener: Sendable {
    private let socket: UnixSocket
    private let loop: DescriptorLoop
    private let token: UInt64

    /// Calls `receive` with every connection, on the loop's thread.
    init(_ path: String, _ loop: DescriptorLoop, receive: @escaping @Sendable (SharedFD) -> Void) throws {
        try UnixSocket.makeWay(path)
        socket = try SystemError.attempt("listen on", path) { () throws(Errno) in try UnixSocket.listen(path) }
        self.loop = loop
        token = loop.newToken()
        try socket.descriptor.setNonblocking(true)
        try loop.add(socket.rawValue, .readable, token: token) { [weak self] _ in
            guard let self else { return }
            do throws(Errno) {
                let connection = try self.socket.accept(nonblocking: true)
                receive(SharedFD(OwnedFD(adopting: connection.release())))
            } catch .EAGAIN {
                // The plugin has gone again.
                return
            } catch {
                self.pause()
            }
        }
    }

    /// There are no descriptors left, say: to look again at once would be to look all the time.
    private func pause() {
        listen(for: [])
        Task {
            // Nobody cancels this task.
            try? await Task.sleep(for: .seconds(1))
            listen(for: .readable)
        }
    }

    private func listen(for interest: Epoll.Interest) {
        do throws(Errno) {
            try loop.change(socket.rawValue, interest, token: token)
        } catch {
            preconditionFailure("epoll_ctl: \(error)")
        }
    }
}
