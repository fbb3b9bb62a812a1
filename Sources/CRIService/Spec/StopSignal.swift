// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
package import Linux

/// The signal that asks a container to end.
package enum StopSignal {
    /// The request's signal, else the image's, else SIGTERM, by which systemd would start over: it ends by SIGRTMIN+3.
    /// Throws on an image's signal that does not exist.
    package static func choose(
        request: CRI.Signal, image: String?, forSystemd: Bool = false
    ) throws(ServiceError) -> Signal {
        if let signal = signal(of: request) { return signal }
        guard let image, !image.isEmpty else { return forSystemd ? Signal(rawValue: 34 + 3) : .terminate }
        guard let signal = Signal(parsing: image), signal != .probe else {
            throw ServiceError(.invalid, "read the image's stop signal", image, "no such signal")
        }
        return signal
    }

    /// The signal of the CRI's constant; nil for "the runtime's default".
    package static func signal(of constant: CRI.Signal) -> Signal? {
        let value = constant.rawValue
        // 35 is SIGRTMIN, 34 to the C library, and the rest follows in order to SIGRTMAX, 64.
        if (35...65).contains(value) { return Signal(rawValue: Int32(value) - 1) }
        guard (1...names.count).contains(value) else { return nil }
        return Signal(parsing: names[value - 1])
    }

    /// The CRI's constant of a signal.
    package static func constant(of signal: Signal) -> CRI.Signal {
        let number = Int(signal.rawValue)
        if (34...64).contains(number) { return CRI.Signal(rawValue: number + 1) ?? .runtimeDefault }
        guard let position = names.firstIndex(where: { Signal(parsing: $0) == signal }) else { return .runtimeDefault }
        return CRI.Signal(rawValue: position + 1) ?? .runtimeDefault
    }

    /// The CRI's constants 1 to 34 in their order.
    private static let names = [
        "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE", "POLL",
        "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU", "URG", "USR1",
        "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ",
    ]
}
