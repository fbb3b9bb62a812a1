// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import NIOCore

/// A descriptor on an event loop: whoever owns it is called there when it is ready.
///
/// ## Concurrency model
/// Belongs to the event loop.
final class WatchedDescriptor {
    private var descriptor: SharedFD?
    private let watch: Readiness.Watch?
    private let loop: any EventLoop
    private(set) var isWaiting = false
    /// -1 when it is closed.
    var rawValue: Int32 { descriptor?.rawValue ?? -1 }
    private var isClosed: Bool { descriptor == nil }

    init(_ descriptor: SharedFD, loop: any EventLoop) throws(Errno) {
        // A copy of its own: two directions of one descriptor are two entries for the kernel.
        let own = SharedFD(try descriptor.descriptor.duplicate())
        self.descriptor = own
        self.loop = loop
        watch = try Readiness.shared.watch(own.rawValue)
    }

    deinit { close() }

    func close() {
        guard !isClosed else { return }
        if let watch { Readiness.shared.forget(watch) }
        descriptor = nil
    }

    /// Calls the body on the event loop when the descriptor is ready.
    func wait(_ interest: Epoll.Interest, _ body: @escaping () -> Void) {
        guard !isClosed, !isWaiting else { return }
        isWaiting = true
        let bound = NIOLoopBound((self, body), eventLoop: loop)
        let loop = loop
        let wake: @Sendable () -> Void = {
            loop.execute {
                let (owner, body) = bound.value
                owner.isWaiting = false
                if !owner.isClosed { body() }
            }
        }
        guard let watch else { return wake() }
        do throws(Errno) { try Readiness.shared.wait(watch, interest, wake) } catch { wake() }
    }

    /// Calls the body after what else is due.
    func yield(_ body: @escaping () -> Void) {
        loop.assumeIsolated().execute { [weak self] in
            guard let self, !self.isClosed else { return }
            body()
        }
    }
}
