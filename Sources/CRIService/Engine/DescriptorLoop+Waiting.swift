// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

extension DescriptorLoop {
    /// Waits until the descriptor is ready, at most so long; false when the time is up.
    func wait(for interest: Epoll.Interest, of descriptor: SharedFD, atMost time: Duration) async throws -> Bool {
        let (token, promise) = (newToken(), Promise<Bool>())
        try add(descriptor.rawValue, [interest, .oneShot], token: token) { _ in promise.succeed(true) }
        let clock = Task {
            try await Task.sleep(for: time)
            promise.succeed(false)
        }
        defer {
            clock.cancel()
            remove(descriptor.rawValue, token: token)
        }
        return try await promise.value
    }
}
