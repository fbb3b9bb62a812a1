// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

/// A process that cannot be confused with a later one of the same number. Readable once the process has ended.
/// See pidfd_open(2).
package struct PidFD: ~Copyable, Sendable {
    private let descriptor: OwnedFD
    package var rawValue: Int32 { descriptor.rawValue }

    /// ESRCH when there is no such process. The corresponding system call is `pidfd_open(2)`.
    package init(_ pid: Int32) throws(Errno) {
        descriptor = OwnedFD(adopting: try Errno.check(clx_pidfd_open(pid, 0)))
    }

    /// Takes over a descriptor from clone3 or from another process.
    package init(adopting descriptor: consuming OwnedFD) { self.descriptor = descriptor }

    /// ESRCH when the process has been reaped. The corresponding system call is `pidfd_send_signal(2)`.
    package borrowing func send(_ signal: Signal) throws(Errno) {
        try Errno.check(clx_pidfd_send_signal(descriptor.rawValue, signal.rawValue))
    }

    /// Whether the process ended within the time; a negative one waits for ever. Anybody may ask, not only the parent.
    package borrowing func waitForEnd(milliseconds: Int32) throws(Errno) -> Bool {
        try Syscall.poll(descriptor.rawValue, for: .readable, milliseconds: milliseconds).contains(.readable)
    }

    /// Reaps the process, which must be a child of the caller. The corresponding system call is `waitid(2)` with P_PIDFD.
    package borrowing func reap() throws(Errno) -> ExitStatus {
        var raw = clx_exit()
        unsafe try Errno.check(clx_waitid(CLX_P_PIDFD, descriptor.rawValue, &raw, CLX_WEXITED))
        return ExitStatus(raw)
    }

    /// A copy of the process's descriptor. The corresponding system call is `pidfd_getfd(2)`.
    package borrowing func copy(descriptor number: Int32) throws(Errno) -> OwnedFD {
        OwnedFD(adopting: try Errno.check(clx_pidfd_getfd(descriptor.rawValue, number)))
    }
}

extension Syscall {
    /// Waits until the descriptor is ready, at most so long; empty at the deadline. The corresponding system call is
    /// `poll(2)`.
    package static func poll(
        _ descriptor: Int32, for interest: Epoll.Interest, milliseconds: Int32
    ) throws(Errno) -> Epoll.Interest {
        let deadline = KernelClock.monotonic + Int64(milliseconds) * 1_000_000
        var left = milliseconds
        while true {
            var ready: Int16 = 0
            let result = unsafe clx_poll(descriptor, Int16(truncatingIfNeeded: interest.rawValue), left, &ready)
            if result != -Errno.EINTR.rawValue {
                try Errno.check(result)
                return Epoll.Interest(rawValue: UInt32(UInt16(bitPattern: ready)))
            }
            if milliseconds >= 0 { left = Int32(max(0, (deadline - KernelClock.monotonic) / 1_000_000)) }
        }
    }
}
