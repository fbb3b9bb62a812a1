// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The file that gets a process's number in decimal, by which callers tell whether there is a process. Callers who do not care
/// name /dev/null: what is no regular file is written to, and neither replaced nor removed.
package enum ProcessIDFile {
    static func write(_ path: String, _ pid: Int32) throws(SystemError) {
        try SystemError.attempt("write", path) { () throws(Errno) in
            guard let status = try? Syscall.status(path), status.kind != .regular else {
                return try AtomicFile.write(path, "\(pid)")
            }
            // Nonblocking: nobody may read a fifo.
            try Syscall.open(path, [.writeOnly, .nonblocking]).writeAll(Array("\(pid)".utf8))
        }
    }

    /// What a runtime has written, with or without a line feed; nil when there is no file, or it holds no number of a process
    /// that a runtime can have made.
    package static func read(_ path: String) -> Int32? {
        guard let text = try? Syscall.readText(path), let pid = Int32(text.filter { !$0.isWhitespace }), pid > 1 else {
            return nil
        }
        return pid
    }

    /// Takes back what was written, or is not needed any more; a failure changes nothing.
    package static func remove(_ path: String) {
        guard let status = try? Syscall.linkStatus(path), status.kind == .regular else { return }
        try? Syscall.removeFile(path)
    }
}
