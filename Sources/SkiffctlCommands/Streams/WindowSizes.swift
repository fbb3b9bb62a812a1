// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The size of a terminal, now and whenever it changes.
enum WindowSizes {
    private static let thread = BlockingPool(limit: 1)

    static func follow(_ terminal: Int32) -> AsyncStream<WindowSize> {
        let (stream, continuation) = AsyncStream.makeStream(of: WindowSize.self, bufferingPolicy: .bufferingNewest(1))
        let tell: @Sendable () -> Void = {
            if let size = try? Terminal.windowSize(terminal) { continuation.yield(size) }
        }
        Task {
            await thread.run {
                // Refused they would only be for a wrong signal or want of descriptors; then the first size is the only one.
                guard let changes = try? EventFD(), (try? changes.count(.windowChanged)) != nil else { return tell() }
                // Not before, or a change between the two would be missed.
                tell()
                while (try? Syscall.poll(changes.rawValue, for: .readable, milliseconds: -1)) != nil {
                    _ = try? changes.take()
                    tell()
                }
            }
        }
        return stream
    }
}
