// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The size of a terminal, now and whenever it changes.
package enum WindowSizes {
    private static let signals = SignalSet([.windowChanged])
    private static let thread = BlockingPool(limit: 1)

    /// Keeps the signal of a changed size for `follow`; call it before the first other thread is started.
    package static func prepare() {
        // Refused it would only be for a wrong signal; without it the first size is the only one.
        _ = try? signals.block()
    }

    static func follow(_ terminal: Int32) -> AsyncStream<WindowSize> {
        let (stream, continuation) = AsyncStream.makeStream(of: WindowSize.self, bufferingPolicy: .bufferingNewest(1))
        let tell: @Sendable () -> Void = {
            if let size = try? Terminal.windowSize(terminal) { continuation.yield(size) }
        }
        tell()
        Task {
            await thread.run {
                guard let changes = try? SignalFD(signals) else { return }
                while (try? Syscall.poll(changes.rawValue, for: .readable, milliseconds: -1)) != nil {
                    while (try? changes.next()) ?? nil != nil {}
                    tell()
                }
            }
        }
        return stream
    }
}
