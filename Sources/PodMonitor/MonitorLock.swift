// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The file that a monitor keeps locked for its whole life: whoever gets the lock knows that it is dead.
struct MonitorLock: ~Copyable {
    private let lock: FileLock
    let path: String

    /// Fails when another monitor holds it.
    init(path: String) throws {
        self.path = path
        let found = try SystemError.attempt("lock", path) { () throws(Errno) in
            try FileLock.ifFree(path, mode: 0o644)
        }
        guard let found else { throw MonitorError("lock \"\(path)\": another monitor serves this pod") }
        lock = found
    }

    /// Removes the file; the lock itself goes with the process.
    borrowing func remove() {
        // Nothing depends on the file once the monitor ends.
        do throws(Errno) { try Syscall.removeFile(path) } catch {}
    }
}
