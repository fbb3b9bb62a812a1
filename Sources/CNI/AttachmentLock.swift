// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The right to run plugins for one attachment: a lock on a file, which the plugins inherit.
///
/// A daemon that is killed leaves its plugins at work. Those that attach must have ended before those run that detach, for
/// what is given to the pod after it was taken from it, an address for one, would be lost for ever. See flock(2): such a lock
/// belongs to the open file, and holds until every process that has it has ended, or one of them gives it up.
struct AttachmentLock: Sendable {
    /// Nil when somebody else was at work for too long.
    let file: SharedFD?

    /// Waits until nobody else is at work. That is for no longer than `patience`, which is what one plugin may take: one that
    /// never ends must not keep its pod for ever.
    static func take(_ path: String, patience: Duration) async throws(CNIError) -> AttachmentLock {
        let deadline = ContinuousClock.now + patience
        while true {
            if let file = try ifFree(path) { return AttachmentLock(file: file) }
            guard ContinuousClock.now < deadline else { return AttachmentLock(file: nil) }
            // Nobody tells when the last process has ended.
            do { try await Task.sleep(for: .milliseconds(10)) } catch {
                throw CNIError(.cancelled, "lock network attachment", path, "cancelled")
            }
        }
    }

    private static func ifFree(_ path: String) throws(CNIError) -> SharedFD? {
        do throws(Errno) {
            guard let lock = try FileLock.ifFree(path) else { return nil }
            return SharedFD(lock.descriptor())
        } catch {
            throw CNIError(.cache, "lock network attachment", path, "\(error)")
        }
    }

    /// Gives it up, also for what a plugin has left in the background.
    func release() {
        // Then it ends with the descriptor.
        do throws(Errno) { if let file { try Syscall.unlock(file.rawValue) } } catch {}
    }
}
