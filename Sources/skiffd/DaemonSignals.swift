// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux

/// The signals that ask the daemon to end, or to read its configuration again, as values to wait for.
enum DaemonSignals {
    private static let signals = SignalSet([.terminate, .interrupt, .hangUp])
    private static let (stream, continuation) = AsyncStream.makeStream(of: Signal.self)

    /// Keeps them from ending the process; call it before the first other thread is started.
    static func block() throws(Errno) { try signals.block() }

    /// The next one.
    static func next() async -> Signal? {
        for await signal in stream { return signal }
        return nil
    }

    /// Hands them to `next`; the calling thread does nothing else.
    static func forward() -> Never {
        do throws(Errno) {
            let descriptor = try SignalFD(signals)
            while true {
                _ = try Syscall.poll(descriptor.rawValue, for: .readable, milliseconds: -1)
                if let signal = try descriptor.next() { continuation.yield(signal) }
            }
        } catch {
            preconditionFailure("wait for signals: \(error)")
        }
    }
}
