// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import Synchronization

/// One thread that tells when descriptors are ready, each time once.
///
/// Sessions read and write their descriptors themselves, on their event loops, and come here only when a descriptor has
/// nothing to give. SwiftNIO's own pipes take a terminal whose last user closed and opened it again for a broken promise
/// of the kernel, and end the process.
///
/// ## Concurrency model
/// The table is under a mutex. Callbacks run on the thread, and only hand on.
final class Readiness: Sendable {
    /// For all sessions of the process.
    static let shared = Readiness()

    typealias Callback = @Sendable () -> Void

    private struct State {
        var callbacks: [UInt64: Callback] = [:]
        var next: UInt64 = 1
    }

    private let epoll: Epoll
    private let state = Mutex(State())
    private let thread = BlockingPool(limit: 1)

    private init() {
        do throws(Errno) { epoll = try Epoll() } catch { preconditionFailure("epoll_create1: \(error)") }
        Task { [thread] in await thread.run { self.run() } }
    }

    /// A descriptor that is waited for now and then. It must stay open until `forget`.
    struct Watch: Sendable {
        fileprivate var token: UInt64
        fileprivate var descriptor: Int32
    }

    /// Registers the descriptor; nil for a file that is always ready.
    func watch(_ descriptor: Int32) throws(Errno) -> Watch? {
        let token = state.withLock { state in
            defer { state.next += 1 }
            return state.next
        }
        do throws(Errno) {
            try epoll.add(descriptor, [.oneShot], token: token)
        } catch .EPERM {
            return nil
        }
        // Hang-up may be told before anybody waits: there is no callback yet, and the next wait tells again.
        return Watch(token: token, descriptor: descriptor)
    }

    /// Calls back once, when the descriptor is ready or has an end or an error to give.
    func wait(_ watch: Watch, _ interest: Epoll.Interest, _ callback: @escaping Callback) throws(Errno) {
        state.withLock { $0.callbacks[watch.token] = callback }
        try epoll.change(watch.descriptor, [interest, .oneShot], token: watch.token)
    }

    /// After this nothing is called any more but what was called already.
    func forget(_ watch: Watch) {
        state.withLock { $0.callbacks[watch.token] = nil }
        // It was added; the only failure would be a descriptor closed too early, a mistake that must show.
        do throws(Errno) { try epoll.remove(watch.descriptor) } catch { preconditionFailure("epoll_ctl: \(error)") }
    }

    private func run() {
        while true {
            let events: [Epoll.Event]
            do throws(Errno) { events = try epoll.wait() } catch { preconditionFailure("epoll_wait: \(error)") }
            for event in events { state.withLock { $0.callbacks.removeValue(forKey: event.token) }?() }
        }
    }
}
