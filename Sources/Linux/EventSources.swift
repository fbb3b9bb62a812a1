// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

/// Signals as readable events. See signalfd(2).
package struct SignalFD: ~Copyable, Sendable {
    private let descriptor: OwnedFD
    package var rawValue: Int32 { descriptor.rawValue }

    /// Nonblocking. The signals must be blocked as well: `SignalSet.block()`.
    package init(_ signals: SignalSet) throws(Errno) {
        descriptor = OwnedFD(adopting: try Errno.check(clx_signalfd(signals.mask, CLX_O_NONBLOCK | CLX_O_CLOEXEC)))
    }

    /// The next pending signal, nil when there is none. struct signalfd_siginfo has 128 bytes, its number first.
    package borrowing func next() throws(Errno) -> Signal? {
        do throws(Errno) {
            let bytes = try descriptor.read(upTo: 128)
            guard bytes.count == 128 else { return nil }
            return Signal(rawValue: Int32(bytes[0]) | Int32(bytes[1]) << 8)
        } catch .EAGAIN {
            return nil
        }
    }
}

/// A timer that becomes readable. See timerfd_create(2).
package struct TimerFD: ~Copyable, Sendable {
    private let descriptor: OwnedFD
    package var rawValue: Int32 { descriptor.rawValue }

    package init() throws(Errno) {
        let flags = CLX_O_NONBLOCK | CLX_O_CLOEXEC
        descriptor = OwnedFD(adopting: try Errno.check(clx_timerfd_create(CLX_CLOCK_MONOTONIC, flags)))
    }

    /// Fires once after so many nanoseconds; 0 disarms.
    package borrowing func fire(afterNanoseconds delay: Int64) throws(Errno) {
        try Errno.check(clx_timerfd_settime(descriptor.rawValue, delay))
    }

    /// Takes note of the expirations, so that the descriptor is no longer readable.
    package borrowing func acknowledge() throws(Errno) {
        do throws(Errno) { _ = try descriptor.read(upTo: 8) } catch .EAGAIN {}
    }
}

/// A counter that wakes another thread or process. See eventfd(2).
package struct EventFD: ~Copyable, Sendable {
    private let descriptor: OwnedFD
    package var rawValue: Int32 { descriptor.rawValue }

    package init() throws(Errno) {
        descriptor = OwnedFD(adopting: try Errno.check(clx_eventfd(0, CLX_O_NONBLOCK | CLX_O_CLOEXEC)))
    }

    /// Takes over an eventfd that another process made.
    package init(adopting descriptor: consuming OwnedFD) { self.descriptor = descriptor }

    /// From now on each such signal to the process adds to the counter, which must stay open. For programs whose threads are
    /// not all their own, so that they cannot block a signal everywhere for `SignalFD`. The corresponding system call is
    /// `sigaction(2)`.
    package borrowing func count(_ signal: Signal) throws(Errno) {
        try Errno.check(clx_count_signal(signal.rawValue, descriptor.rawValue))
    }

    package borrowing func signal() throws(Errno) { try descriptor.writeAll([1, 0, 0, 0, 0, 0, 0, 0]) }

    /// Resets the counter and returns it, 0 when nothing was signalled.
    package borrowing func take() throws(Errno) -> UInt64 {
        do throws(Errno) {
            return try descriptor.read(upTo: 8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
        } catch .EAGAIN {
            return 0
        }
    }
}

/// Readings of the kernel's clocks in nanoseconds. See clock_gettime(2).
package enum KernelClock {
    package static var realtime: Int64 { clx_clock_ns(CLX_CLOCK_REALTIME) }
    package static var monotonic: Int64 { clx_clock_ns(CLX_CLOCK_MONOTONIC) }
    package static var boottime: Int64 { clx_clock_ns(CLX_CLOCK_BOOTTIME) }
}
