// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The right to run plugins for one attachment: a lock on a file, which the plugins inherit.
///
/// A daemon that is killed leaves its plugins at work. Those that attach must have ended before those run that detach, for
/// what is given to the pod after it was taken from it, an address for one, would be lost for ever. See flock(2): such a lock
/// belongs to the open file, and holds until every process that has it has ended, or one of them gives it up.
struct AttachmentLock: Sendable {
    let file: SharedFD

    /// Waits until nobody else is at work. That is for no longer than `patience`, which is what one plugin may take: one that
    /// never ends must not keep its pod for ever.
    static func take(_ path: String, patience: Duration) async throws(CNIError) -> AttachmentLock {
        let deadline = ContinuousClock.now + patience
        while true {
            let file = try attempt(path) { () throws(Errno) in
                SharedFD(try Syscall.open(path, [.readWrite, .create], mode: 0o600))
            }
            let isHeld = try attempt(path) { () throws(Errno) in
                try Syscall.lock(file.rawValue, exclusive: true, wait: false)
            }
            guard isHeld || ContinuousClock.now >= deadline else {
                // Nobody tells when the last process has ended.
                do { try await Task.sleep(for: .milliseconds(10)) } catch {
                    throw CNIError(.cancelled, "lock network attachment", path, "cancelled")
                }
                continue
            }
            // Who held it may have removed the file that was opened here.
            if try attempt(path, { () throws(Errno) in try file.descriptor.status().links }) > 0 {
                return AttachmentLock(file: file)
            }
        }
    }

    /// Gives it up, also for what a plugin has left in the background.
    func release() {
        // Then it ends with the descriptor.
        do throws(Errno) { try Syscall.unlock(file.rawValue) } catch {}
    }

    private static func attempt<Value>(
        _ path: String, _ body: () throws(Errno) -> Value
    ) throws(CNIError) -> Value {
        do throws(Errno) { return try body() } catch {
            throw CNIError(.cache, "lock network attachment", path, "\(error)")
        }
    }
}
