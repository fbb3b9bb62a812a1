// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

/// Readiness of many descriptors. See epoll(7).
package struct Epoll: ~Copyable, Sendable {
    /// What a descriptor is, or shall be, ready for.
    package struct Interest: OptionSet, Hashable, Sendable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }

        package static let readable = Interest(rawValue: CLX_EPOLLIN)
        package static let writable = Interest(rawValue: CLX_EPOLLOUT)
        /// Something exceptional; for files of cgroups, a change.
        package static let priority = Interest(rawValue: CLX_EPOLLPRI)
        /// Always reported.
        package static let error = Interest(rawValue: CLX_EPOLLERR)
        /// Always reported.
        package static let hangUp = Interest(rawValue: CLX_EPOLLHUP)
        package static let peerClosed = Interest(rawValue: CLX_EPOLLRDHUP)
        /// After one event nothing more is reported, not even an error, until `change`.
        package static let oneShot = Interest(rawValue: CLX_EPOLLONESHOT)
    }

    /// One ready descriptor, told apart by the token it was added with.
    package struct Event: Hashable, Sendable {
        package var token: UInt64
        package var ready: Interest
    }

    private let descriptor: OwnedFD

    /// The corresponding system call is `epoll_create1(2)`.
    package init() throws(Errno) { descriptor = OwnedFD(adopting: try Errno.check(clx_epoll_create())) }

    /// The corresponding system call is `epoll_ctl(2)` with EPOLL_CTL_ADD.
    package borrowing func add(_ fd: Int32, _ interest: Interest, token: UInt64) throws(Errno) {
        try Errno.check(clx_epoll_ctl(descriptor.rawValue, CLX_EPOLL_CTL_ADD, fd, interest.rawValue, token))
    }

    /// The corresponding system call is `epoll_ctl(2)` with EPOLL_CTL_MOD.
    package borrowing func change(_ fd: Int32, _ interest: Interest, token: UInt64) throws(Errno) {
        try Errno.check(clx_epoll_ctl(descriptor.rawValue, CLX_EPOLL_CTL_MOD, fd, interest.rawValue, token))
    }

    /// The corresponding system call is `epoll_ctl(2)` with EPOLL_CTL_DEL. Call it before the descriptor is closed:
    /// a copy elsewhere would go on reporting.
    package borrowing func remove(_ fd: Int32) throws(Errno) {
        try Errno.check(clx_epoll_ctl(descriptor.rawValue, CLX_EPOLL_CTL_DEL, fd, 0, 0))
    }

    /// Waits for at most 64 events; a negative timeout waits for ever, and an interrupting signal ends with none.
    /// The corresponding system call is `epoll_wait(2)`.
    package borrowing func wait(milliseconds: Int32 = -1) throws(Errno) -> [Event] {
        var raw = [clx_event](repeating: clx_event(), count: 64)
        let count = unsafe clx_epoll_wait(descriptor.rawValue, &raw, 64, milliseconds)
        if count == -Errno.EINTR.rawValue { return [] }
        return raw.prefix(Int(try Errno.check(count))).map {
            Event(token: $0.data, ready: Interest(rawValue: $0.events))
        }
    }
}
