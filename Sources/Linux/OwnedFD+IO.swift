// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

extension OwnedFD {
    /// Reads at most `maximum` bytes; an empty array is the end of the file. The corresponding system call is `read(2)`.
    package borrowing func read(upTo maximum: Int) throws(Errno) -> [UInt8] {
        try Syscall.read(rawValue, upTo: maximum)
    }

    /// Reads to the end of the file, at most `limit` bytes; more is EFBIG.
    package borrowing func readAll(limit: Int = .max) throws(Errno) -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let part = try read(upTo: Swift.min(max(4096, all.count), 1 << 20))
            if part.isEmpty { return all }
            if all.count + part.count > limit { throw .EFBIG }
            all += part
        }
    }

    /// Writes all bytes. The corresponding system call is `write(2)`.
    package borrowing func writeAll(_ bytes: some Sequence<UInt8>) throws(Errno) {
        try Syscall.writeAll(rawValue, Array(bytes))
    }

    /// Writes the text as UTF-8.
    package borrowing func writeAll(_ text: String) throws(Errno) { try Syscall.writeAll(rawValue, Array(text.utf8)) }

    /// The file's attributes. The corresponding system call is `fstat(2)`.
    package borrowing func status() throws(Errno) -> FileStatus {
        try Syscall.status("", at: rawValue, flags: CLX_AT_EMPTY_PATH)
    }

    /// The corresponding system call is `fsync(2)`.
    package borrowing func sync() throws(Errno) { try Errno.check(clx_fsync(rawValue)) }

    /// Flushes the whole file system that holds this file. The corresponding system call is `syncfs(2)`.
    package borrowing func syncFileSystem() throws(Errno) { try Errno.check(clx_syncfs(rawValue)) }

    /// Switches O_NONBLOCK. The corresponding system call is `fcntl(2)` with F_SETFL.
    package borrowing func setNonblocking(_ on: Bool) throws(Errno) {
        let flags = try Errno.check(clx_fcntl(rawValue, CLX_F_GETFL, 0))
        let wanted = on ? flags | CLX_O_NONBLOCK : flags & ~CLX_O_NONBLOCK
        try Errno.check(clx_fcntl(rawValue, CLX_F_SETFL, Int64(wanted)))
    }

    /// Switches close-on-exec, which every descriptor starts with. The corresponding system call is `fcntl(2)`.
    package borrowing func setCloseOnExec(_ on: Bool) throws(Errno) {
        try Errno.check(clx_fcntl(rawValue, CLX_F_SETFD, on ? Int64(CLX_FD_CLOEXEC) : 0))
    }
}
