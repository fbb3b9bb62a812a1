// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

extension Syscall {
    /// The corresponding system call is `openat(2)`.
    package static func open(
        _ path: String, _ flags: OpenFlags, mode: UInt32 = 0o644, at directory: Int32 = workingDirectory
    ) throws(Errno) -> OwnedFD {
        unsafe OwnedFD(adopting: try Errno.check(clx_open(directory, path, flags.rawValue, mode)))
    }

    /// The corresponding system call is `openat2(2)`.
    package static func open(
        _ path: String, _ flags: OpenFlags, mode: UInt32 = 0, at directory: Int32, resolve: ResolveFlags
    ) throws(Errno) -> OwnedFD {
        // openat2 refuses a mode where nothing can be created.
        let mode = flags.contains(.create) ? UInt64(mode) : 0
        return unsafe OwnedFD(
            adopting: try Errno.check(
                clx_openat2(directory, path, UInt64(UInt32(bitPattern: flags.rawValue)), mode, resolve.rawValue)))
    }

    /// The corresponding system call is `read(2)`.
    package static func read(_ descriptor: Int32, upTo maximum: Int) throws(Errno) -> [UInt8] {
        var failure: Int = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: maximum) { buffer, count in
            let got = unsafe clx_read(descriptor, buffer.baseAddress, maximum)
            if got < 0 { failure = got } else { count = got }
        }
        try Errno.check(failure)
        return bytes
    }

    /// Reads into memory of the caller and returns the number of bytes; 0 is the end of the file.
    /// The corresponding system call is `read(2)`.
    package static func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        unsafe try Errno.check(clx_read(descriptor, buffer.baseAddress, buffer.count))
    }

    /// Writes what the file takes in one call and returns the number of bytes. The corresponding system call is
    /// `write(2)`.
    package static func write(_ descriptor: Int32, _ buffer: UnsafeRawBufferPointer) throws(Errno) -> Int {
        unsafe try Errno.check(clx_write(descriptor, buffer.baseAddress, buffer.count))
    }

    /// Writes what the file takes in one call and returns the number of bytes. The corresponding system call is
    /// `write(2)`.
    package static func write(_ descriptor: Int32, _ bytes: ArraySlice<UInt8>) throws(Errno) -> Int {
        let result = unsafe bytes.withUnsafeBytes { unsafe clx_write(descriptor, $0.baseAddress, $0.count) }
        return try Errno.check(result)
    }

    /// At most `maximum` bytes from the offset; the file's own position stays. The corresponding system call is `pread(2)`.
    package static func read(_ descriptor: Int32, upTo maximum: Int, at offset: Int64) throws(Errno) -> [UInt8] {
        var failure = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: maximum) { buffer, filled in
            let got = unsafe clx_pread(descriptor, buffer.baseAddress, maximum, offset)
            if got < 0 { failure = got } else { filled = got }
        }
        try Errno.check(failure)
        return bytes
    }

    /// Writes all bytes. The corresponding system call is `write(2)`.
    package static func writeAll(_ descriptor: Int32, _ bytes: [UInt8]) throws(Errno) {
        var failure = 0
        unsafe bytes.withUnsafeBytes { buffer in
            var done = 0
            while done < buffer.count {
                let wrote = unsafe clx_write(descriptor, buffer.baseAddress?.advanced(by: done), buffer.count - done)
                if wrote < 0 {
                    failure = wrote
                    return
                }
                done += wrote
            }
        }
        try Errno.check(failure)
    }

    /// Reads a whole file, also of /proc, whose size is not known. At most `limit` bytes; more is EFBIG.
    package static func readFile(
        _ path: String, at directory: Int32 = workingDirectory, limit: Int = 1 << 26
    ) throws(Errno) -> [UInt8] {
        try open(path, .readOnly, at: directory).readAll(limit: limit)
    }

    /// Reads a whole file as UTF-8 text; bytes that are none become U+FFFD.
    package static func readText(_ path: String, at directory: Int32 = workingDirectory) throws(Errno) -> String {
        String(decoding: try readFile(path, at: directory), as: UTF8.self)
    }

    /// Writes the text to an existing file in one call, as files of /proc and cgroupfs demand; never creates it.
    package static func writeExisting(
        _ path: String, _ text: String, at directory: Int32 = workingDirectory
    ) throws(Errno) {
        try open(path, .writeOnly, at: directory).writeAll(text)
    }

    /// The corresponding system call is `fstatat(2)`.
    package static func status(
        _ path: String, at directory: Int32 = workingDirectory, flags: Int32 = 0
    ) throws(Errno) -> FileStatus {
        var raw = clx_stat()
        unsafe try Errno.check(clx_fstatat(directory, path, &raw, flags))
        return FileStatus(raw)
    }

    /// The attributes of an open file, O_PATH included. The corresponding system call is `fstat(2)`.
    package static func status(of descriptor: Int32) throws(Errno) -> FileStatus {
        try status("", at: descriptor, flags: CLX_AT_EMPTY_PATH)
    }

    /// The attributes of the link itself. The corresponding system call is `fstatat(2)` with AT_SYMLINK_NOFOLLOW.
    package static func linkStatus(_ path: String, at directory: Int32 = workingDirectory) throws(Errno) -> FileStatus {
        try status(path, at: directory, flags: CLX_AT_SYMLINK_NOFOLLOW)
    }

    /// Whether a file of any kind is at the path; a dangling link counts.
    package static func exists(_ path: String, at directory: Int32 = workingDirectory) -> Bool {
        do throws(Errno) {
            _ = try linkStatus(path, at: directory)
            return true
        } catch {
            return false
        }
    }

    /// The corresponding system call is `statfs(2)`.
    package static func fileSystem(_ path: String) throws(Errno) -> FileSystemStatus {
        var raw = clx_filesystem()
        unsafe try Errno.check(clx_statfs(path, &raw))
        return FileSystemStatus(raw)
    }

    /// The corresponding system call is `fstatfs(2)`.
    package static func fileSystem(of descriptor: Int32) throws(Errno) -> FileSystemStatus {
        var raw = clx_filesystem()
        unsafe try Errno.check(clx_fstatfs(descriptor, &raw))
        return FileSystemStatus(raw)
    }

    /// Whether the caller's effective ids may use the file so; mode is the sum of 4 (read), 2 (write), 1 (execute).
    /// The corresponding system call is `faccessat(2)`.
    package static func checkAccess(
        _ path: String, mode: Int32, at directory: Int32 = workingDirectory
    ) throws(Errno) {
        unsafe try Errno.check(clx_access(directory, path, mode, CLX_AT_EACCESS))
    }
}
