// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The lock that lets one daemon only use a root: held as long as the process lives. The file names its owner, by pid
/// and start time, `4711 123456`.
enum RootLock {
    /// Takes the lock; blocks the calling thread. A daemon that was killed holds its files until its last thread is
    /// gone, and one that waits for a busy disk may take its time: that is waited for. A living one is an error at once.
    static func take(_ path: String) throws -> SharedFD {
        let deadline = KernelClock.monotonic + 60_000_000_000
        while true {
            if let lock = try ifFree(path) {
                try sign(path)
                return lock
            }
            guard KernelClock.monotonic < deadline, !isOwned(path) else {
                throw ServiceError(.state, "lock", path, "another daemon uses this root")
            }
            _ = try Syscall.poll(-1, for: [], milliseconds: 20)
        }
    }

    private static func ifFree(_ path: String) throws(SystemError) -> SharedFD? {
        try SystemError.attempt("lock", path) { () throws(Errno) in
            guard let lock = try FileLock.ifFree(path) else { return nil }
            return SharedFD(lock.descriptor())
        }
    }

    private static func sign(_ path: String) throws {
        let own = try ProcStat(Syscall.processID)
        try SystemError.attempt("write", path) { () throws(Errno) in
            // The bytes of an owner before are overwritten: the text has a fixed length.
            try Syscall.writeExisting(path, padded("\(own.pid) \(own.startTime)"))
        }
    }

    /// Whether the owner on record lives. One that has just taken the lock and not yet written is not taken for it.
    private static func isOwned(_ path: String) -> Bool {
        // Another may be about to write.
        guard let text = try? Syscall.readText(path) else { return false }
        let fields = text.split { $0 == " " || $0 == "\n" }
        guard fields.count == 2, let pid = Int32(fields[0]), let start = UInt64(fields[1]) else { return false }
        return ProcStat.isAlive(pid, startTime: start)
    }

    private static func padded(_ text: String) -> String {
        text + String(repeating: " ", count: max(0, 40 - text.utf8.count)) + "\n"
    }
}
