// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The file that gets a process's number, by which callers tell whether there is a process. Callers who do not care name
/// /dev/null: what is no regular file is written to, and neither replaced nor removed.
enum ProcessIDFile {
    static func write(_ path: String, _ pid: Int32) throws(SystemError) {
        try SystemError.attempt("write", path) { () throws(Errno) in
            guard let status = try? Syscall.status(path), status.kind != .regular else {
                return try AtomicFile.write(path, "\(pid)")
            }
            // Nonblocking: nobody may read a fifo.
            try Syscall.open(path, [.writeOnly, .nonblocking]).writeAll(Array("\(pid)".utf8))
        }
    }

    /// Takes back what was written; the first failure is the one to tell, not this one's.
    static func remove(_ path: String) {
        guard let status = try? Syscall.linkStatus(path), status.kind == .regular else { return }
        try? Syscall.removeFile(path)
    }
}
