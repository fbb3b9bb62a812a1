// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The file that a monitor keeps locked with flock(2) for its whole life: whoever gets the lock knows that it is dead.
struct MonitorLock: ~Copyable {
    private let file: OwnedFD
    let path: String

    /// Fails when another monitor holds it.
    init(path: String) throws {
        self.path = path
        while true {
            let file = try SystemError.attempt("open", path) { () throws(Errno) in
                try Syscall.open(path, [.readWrite, .create], mode: 0o644)
            }
            let locked = try SystemError.attempt("lock", path) { () throws(Errno) in
                try Syscall.lock(file.rawValue, exclusive: true, wait: false)
            }
            guard locked else { throw MonitorError("lock \"\(path)\": another monitor serves this pod") }
            // A monitor that ended meanwhile has removed the file that was opened here.
            if let now = try? Syscall.status(path), now.inode == (try file.status().inode) {
                self.file = file
                return
            }
        }
    }

    /// Removes the file; the lock itself goes with the process.
    borrowing func remove() {
        // Nothing depends on the file once the monitor ends.
        do throws(Errno) { try Syscall.removeFile(path) } catch {}
    }
}
