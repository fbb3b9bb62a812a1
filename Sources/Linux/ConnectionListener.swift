// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Synchronization

/// A socket whose connections are handed out as they come. While none can be taken, for want of descriptors say, it looks
/// again now and then: whoever waits stays in the queue, and to look at once would be to look all the time.
///
/// ## Concurrency model
/// Connections are taken and handed out on the loop's thread. `end` and the end of a pause may come from any; the mutex keeps
/// a pause from watching what is watched no more.
package final class ConnectionListener: Sendable {
    private static let pause = Duration.milliseconds(100)

    private let socket: UnixSocket
    private let loop: DescriptorLoop
    private let token: UInt64
    private let isEnded = Mutex(false)

    /// Calls `receive` with every connection of a socket that listens, until `end`.
    package init(
        _ socket: consuming UnixSocket, _ loop: DescriptorLoop,
        receive: @escaping @Sendable (consuming UnixSocket) -> Void
    ) throws(Errno) {
        self.socket = socket
        self.loop = loop
        token = loop.newToken()
        try self.socket.descriptor.setNonblocking(true)
        try loop.add(self.socket.rawValue, .readable, token: token) { [weak self] _ in self?.accept(receive) }
    }

    /// Takes no more connections. To be called before the last owner lets go; may be repeated.
    package func end() {
        isEnded.withLock { isEnded in
            if !isEnded { loop.remove(socket.rawValue, token: token) }
            isEnded = true
        }
    }

    private func accept(_ receive: (consuming UnixSocket) -> Void) {
        do throws(Errno) {
            receive(try socket.accept(nonblocking: true))
        } catch .EAGAIN {
            // Whoever came has gone again.
            return
        } catch {
            listen(for: [])
            Task {
                // Nobody cancels this task.
                try? await Task.sleep(for: Self.pause)
                listen(for: .readable)
            }
        }
    }

    private func listen(for interest: Epoll.Interest) {
        isEnded.withLock { isEnded in
            if isEnded { return }
            do throws(Errno) {
                try loop.change(socket.rawValue, interest, token: token)
            } catch {
                preconditionFailure("epoll_ctl: \(error)")
            }
        }
    }
}
