// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Synchronization

/// The daemon's one thread that waits for descriptors: monitors' sockets, their pidfds, the pipes of exec'd processes and
/// the sockets of plugins.
///
/// ## Concurrency model
/// The table of handlers is under a mutex. Handlers run on the loop's thread, one at a time, and must not block. After
/// `remove` returns, a handler may still be running, but is not called again.
package final class DescriptorLoop: Sendable {
    /// Is told what the descriptor is ready for.
    package typealias Handler = @Sendable (Epoll.Interest) -> Void

    private struct State {
        var handlers: [UInt64: Handler] = [:]
        var next: UInt64 = 0
    }

    private let epoll: Epoll
    private let state = Mutex(State())
    private let thread = BlockingPool(limit: 1)

    /// Starts the thread; it runs as long as the process.
    package init() throws(Errno) {
        epoll = try Epoll()
        Task { [thread] in await thread.run { self.run() } }
    }

    /// A name for what is added next. It is there before the first event is, so that a handler can remove itself.
    package func newToken() -> UInt64 {
        state.withLock { state in
            state.next += 1
            return state.next
        }
    }

    /// Calls the handler whenever the descriptor is ready. The descriptor must stay open until `remove`.
    package func add(_ fd: Int32, _ interest: Epoll.Interest, token: UInt64, _ handler: @escaping Handler) throws(Errno)
    {
        state.withLock { $0.handlers[token] = handler }
        do throws(Errno) {
            try epoll.add(fd, interest, token: token)
        } catch {
            state.withLock { $0.handlers[token] = nil }
            throw error
        }
    }

    /// Changes what the descriptor is waited for.
    package func change(_ fd: Int32, _ interest: Epoll.Interest, token: UInt64) throws(Errno) {
        try epoll.change(fd, interest, token: token)
    }

    /// Forgets the descriptor, if it was added and not removed yet; call it before it is closed.
    package func remove(_ fd: Int32, token: UInt64) {
        guard state.withLock({ $0.handlers.removeValue(forKey: token) }) != nil else { return }
        // It was added; the only failure would be a descriptor closed too early, a mistake that must show.
        do throws(Errno) { try epoll.remove(fd) } catch { preconditionFailure("epoll_ctl: \(error)") }
    }

    private func run() {
        while true {
            let events: [Epoll.Event]
            do throws(Errno) { events = try epoll.wait() } catch { preconditionFailure("epoll_wait: \(error)") }
            for event in events {
                let handler = state.withLock { $0.handlers[event.token] }
                handler?(event.ready)
            }
        }
    }
}
