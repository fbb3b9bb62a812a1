// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

/// A signal by number, with the names of signal(7).
package struct Signal: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let hangUp = Signal(rawValue: 1)
    package static let interrupt = Signal(rawValue: 2)
    package static let quit = Signal(rawValue: 3)
    package static let kill = Signal(rawValue: 9)
    package static let pipe = Signal(rawValue: 13)
    package static let terminate = Signal(rawValue: 15)
    package static let child = Signal(rawValue: 17)
    package static let `continue` = Signal(rawValue: 18)
    package static let stop = Signal(rawValue: 19)
    package static let windowChanged = Signal(rawValue: 28)
    /// Number 0: only asks whether the process is there.
    package static let probe = Signal(rawValue: 0)

    /// Names without SIG in the order of their numbers, from 1; x86-64 and arm64 agree.
    private static let names = [
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
        "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
        "WINCH", "IO", "PWR", "SYS",
    ]
    private static let aliases = ["IOT": 6, "CLD": 17, "POLL": 29, "UNUSED": 31] as [String: Int32]

    /// Reads `15`, `TERM`, `SIGTERM`, `RTMIN+3` or `RTMAX-1`, in any case; nil for what is none of these or beyond 64.
    package init?(parsing text: String) {
        if let number = Int32(text) {
            guard (0...64).contains(number) else { return nil }
            self.init(rawValue: number)
            return
        }
        var name = text.uppercased()
        if name.hasPrefix("SIG") { name.removeFirst(3) }
        if let index = Self.names.firstIndex(of: name) {
            self.init(rawValue: Int32(index + 1))
        } else if let number = Self.aliases[name] {
            self.init(rawValue: number)
        } else if let number = Self.realTime(name) {
            self.init(rawValue: number)
        } else {
            return nil
        }
    }

    /// glibc keeps 32 and 33 for itself, so the first real-time signal is 34.
    private static func realTime(_ name: String) -> Int32? {
        guard name.hasPrefix("RTMIN") || name.hasPrefix("RTMAX") else { return nil }
        let base: Int32 = name.hasPrefix("RTMIN") ? 34 : 64
        let rest = name.dropFirst(5)
        guard let offset = rest.isEmpty ? 0 : Int32(rest), (34...64).contains(base + offset) else { return nil }
        return base + offset
    }

    /// `SIGTERM`, or `SIG35` for one without a name.
    package var description: String {
        let index = Int(rawValue) - 1
        return Self.names.indices.contains(index) ? "SIG" + Self.names[index] : "SIG\(rawValue)"
    }

    /// Restores the default action in this process. The corresponding system call is `sigaction(2)`.
    package func restoreDefault() throws(Errno) { try Errno.check(clx_signal_default(rawValue)) }

    /// Ignores the signal in this process. The corresponding system call is `sigaction(2)`.
    package func ignore() throws(Errno) { try Errno.check(clx_signal_ignore(rawValue)) }
}

/// A set of signals. See sigsetops(3).
package struct SignalSet: Hashable, Sendable {
    package var mask: UInt64

    package init(mask: UInt64) { self.mask = mask }
    package init(_ signals: [Signal]) { mask = signals.reduce(0) { $0 | 1 << UInt64($1.rawValue - 1) } }

    package static let all = SignalSet(mask: .max)
    package static let none = SignalSet(mask: 0)

    /// Makes this the calling thread's mask and returns the one before. The corresponding system call is
    /// `rt_sigprocmask(2)`.
    @discardableResult
    package func install() throws(Errno) -> SignalSet {
        var old: UInt64 = 0
        unsafe try Errno.check(clx_sigprocmask(CLX_SIG_SETMASK, mask, &old))
        return SignalSet(mask: old)
    }

    /// Adds these to the calling thread's mask and returns the one before.
    @discardableResult
    package func block() throws(Errno) -> SignalSet {
        var old: UInt64 = 0
        unsafe try Errno.check(clx_sigprocmask(CLX_SIG_BLOCK, mask, &old))
        return SignalSet(mask: old)
    }
}
