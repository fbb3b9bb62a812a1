// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The first process of a pod's PID namespace: it keeps the namespace and reaps what is orphaned in it. It is a fork of
/// the monitor, so no image and no second program is needed, and it dies with the monitor. Nothing of the host is left in
/// it: a container that may trace it would be on the host through its root directory or its rights.
enum Pause {
    static let name = "skiff-pause"

    /// Reaps for ever. All signals are blocked by the monitor already; SIGKILL comes from outside of the namespace only.
    static func run() -> Never {
        do throws(Errno) {
            // Nothing of the monitor may be held open here, its lock least of all.
            try Syscall.closeAll(from: 0)
            ProgramMemory.release()
            let signals = try SignalFD(SignalSet([.child]))
            while true {
                try reapAll()
                _ = try Syscall.poll(signals.rawValue, for: .readable, milliseconds: -1)
                _ = try signals.next()
            }
        } catch {
            Syscall.exitNow(1)
        }
    }

    private static func reapAll() throws(Errno) {
        do throws(Errno) {
            while try Syscall.wait(-1, hang: false) != nil {}
        } catch .ECHILD {}
    }
}
