// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

extension Syscall {
    /// The corresponding system call is `mkdirat(2)`; the umask applies.
    package static func makeDirectory(
        _ path: String, mode: UInt32 = 0o755, at directory: Int32 = workingDirectory
    ) throws(Errno) {
        unsafe try Errno.check(clx_mkdirat(directory, path, mode))
    }

    /// Makes the directory and those above it that are missing; one that is there already is right.
    package static func makeDirectories(_ path: String, mode: UInt32 = 0o755) throws(Errno) {
        do throws(Errno) {
            try makeDirectory(path, mode: mode)
        } catch .EEXIST {
            guard try status(path).isDirectory else { throw .ENOTDIR }
        } catch .ENOENT {
            let trimmed = path.last == "/" ? path.dropLast() : path[...]
            guard let slash = trimmed.lastIndex(of: "/"), slash > trimmed.startIndex else { throw .ENOENT }
            try makeDirectories(String(trimmed[..<slash]), mode: mode)
            do throws(Errno) { try makeDirectory(path, mode: mode) } catch .EEXIST {}
        }
    }

    /// The corresponding system call is `mknodat(2)`; mode holds the type and the permissions.
    package static func makeNode(
        _ path: String, mode: UInt32, device: DeviceNumber, at directory: Int32 = workingDirectory
    ) throws(Errno) {
        unsafe try Errno.check(clx_mknodat(directory, path, mode, device.major, device.minor))
    }

    /// The corresponding system call is `symlinkat(2)`.
    package static func makeSymlink(
        _ target: String, _ path: String, at directory: Int32 = workingDirectory
    ) throws(Errno) {
        unsafe try Errno.check(clx_symlinkat(target, directory, path))
    }

    /// The corresponding system call is `linkat(2)`.
    package static func makeLink(
        _ old: String, at oldDirectory: Int32 = workingDirectory, _ new: String,
        at newDirectory: Int32 = workingDirectory, flags: Int32 = 0
    ) throws(Errno) {
        unsafe try Errno.check(clx_linkat(oldDirectory, old, newDirectory, new, flags))
    }

    /// The corresponding system call is `unlinkat(2)`.
    package static func removeFile(_ path: String, at directory: Int32 = workingDirectory) throws(Errno) {
        unsafe try Errno.check(clx_unlinkat(directory, path, 0))
    }

    /// The corresponding system call is `unlinkat(2)` with AT_REMOVEDIR.
    package static func removeDirectory(_ path: String, at directory: Int32 = workingDirectory) throws(Errno) {
        unsafe try Errno.check(clx_unlinkat(directory, path, CLX_AT_REMOVEDIR))
    }

    /// The corresponding system call is `renameat2(2)`; flags are CLX_RENAME_*.
    package static func rename(
        _ old: String, at oldDirectory: Int32 = workingDirectory, _ new: String,
        at newDirectory: Int32 = workingDirectory, flags: UInt32 = 0
    ) throws(Errno) {
        unsafe try Errno.check(clx_renameat2(oldDirectory, old, newDirectory, new, flags))
    }

    /// The target of a symbolic link. The corresponding system call is `readlinkat(2)`.
    package static func readLink(_ path: String, at directory: Int32 = workingDirectory) throws(Errno) -> String {
        var failure = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
            let got = unsafe buffer.withMemoryRebound(to: CChar.self) {
                unsafe clx_readlinkat(directory, path, $0.baseAddress, 4096)
            }
            if got < 0 { failure = got } else { count = got }
        }
        try Errno.check(failure)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The corresponding system call is `fchmodat(2)`.
    package static func changeMode(
        _ path: String, _ mode: UInt32, at directory: Int32 = workingDirectory
    ) throws(Errno) {
        unsafe try Errno.check(clx_fchmodat(directory, path, mode))
    }

    /// The corresponding system call is `fchmod(2)`.
    package static func changeMode(of descriptor: Int32, _ mode: UInt32) throws(Errno) {
        try Errno.check(clx_fchmod(descriptor, mode))
    }

    /// Never follows a link at the end of the path. The corresponding system call is `fchownat(2)`.
    package static func changeOwner(
        _ path: String, uid: UInt32, gid: UInt32, at directory: Int32 = workingDirectory
    ) throws(Errno) {
        unsafe try Errno.check(clx_fchownat(directory, path, uid, gid, CLX_AT_SYMLINK_NOFOLLOW))
    }

    /// The corresponding system call is `fchownat(2)` with AT_EMPTY_PATH; works on O_PATH descriptors.
    package static func changeOwner(of descriptor: Int32, uid: UInt32, gid: UInt32) throws(Errno) {
        unsafe try Errno.check(clx_fchownat(descriptor, "", uid, gid, CLX_AT_EMPTY_PATH))
    }

    /// Sets both times to `modified`, of a link itself. The corresponding system call is `utimensat(2)`.
    package static func setTimes(
        _ path: String, modified: Timestamp, at directory: Int32 = workingDirectory
    ) throws(Errno) {
        unsafe try Errno.check(
            clx_utimensat(
                directory, path, modified.seconds, modified.nanoseconds, modified.seconds, modified.nanoseconds,
                CLX_AT_SYMLINK_NOFOLLOW))
    }

    /// The names in a directory without `.` and `..`, in the file system's order; bytes that are no UTF-8 become U+FFFD.
    /// The descriptor must be fresh: its position moves. The corresponding system call is `getdents64(2)`.
    package static func entries(of descriptor: Int32) throws(Errno) -> [String] {
        try rawEntries(of: descriptor).map(\.description)
    }

    /// The names in the directory at the path.
    package static func entries(_ path: String, at directory: Int32 = workingDirectory) throws(Errno) -> [String] {
        let opened = try open(path, .directory, at: directory)
        return try entries(of: opened.rawValue)
    }

    /// Sets an extended attribute of the file or link itself. The corresponding system call is `lsetxattr(2)`.
    package static func setAttribute(_ path: String, _ name: String, _ value: [UInt8]) throws(Errno) {
        unsafe try Errno.check(clx_lsetxattr(path, name, value, value.count, 0))
    }

    /// Sets an extended attribute of an open file. The corresponding system call is `fsetxattr(2)`.
    package static func setAttribute(of descriptor: Int32, _ name: String, _ value: [UInt8]) throws(Errno) {
        unsafe try Errno.check(clx_fsetxattr(descriptor, name, value, value.count, 0))
    }

    /// Sets an extended attribute of a file that was opened with O_PATH. The corresponding system call is `setxattr(2)`; needs
    /// /proc.
    package static func setAttribute(behind file: borrowing OwnedFD, _ name: String, _ value: [UInt8]) throws(Errno) {
        unsafe try Errno.check(clx_setxattr(file.procPath, name, value, value.count, 0))
    }

    /// The value of an extended attribute of the file or link itself. The corresponding system call is
    /// `lgetxattr(2)`; ENODATA when there is none.
    package static func attribute(_ path: String, _ name: String) throws(Errno) -> [UInt8] {
        unsafe try attributeValue { buffer in unsafe clx_lgetxattr(path, name, buffer.baseAddress, buffer.count) }
    }

    /// The value of an extended attribute of a file that was opened with O_PATH. The corresponding system call is
    /// `getxattr(2)`; ENODATA when there is none. Needs /proc.
    package static func attribute(behind file: borrowing OwnedFD, _ name: String) throws(Errno) -> [UInt8] {
        let path = file.procPath
        return unsafe try attributeValue { buffer in unsafe clx_getxattr(path, name, buffer.baseAddress, buffer.count) }
    }

    private static func attributeValue(_ read: (UnsafeMutableBufferPointer<UInt8>) -> Int) throws(Errno) -> [UInt8] {
        var failure = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 65536) { buffer, count in
            let got = unsafe read(buffer)
            if got < 0 { failure = got } else { count = got }
        }
        try Errno.check(failure)
        return bytes
    }

    /// The names of the extended attributes of the file or link itself. The corresponding system call is
    /// `llistxattr(2)`.
    package static func attributeNames(_ path: String) throws(Errno) -> [String] {
        var failure = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 65536) { buffer, count in
            let got = unsafe buffer.withMemoryRebound(to: CChar.self) {
                unsafe clx_llistxattr(path, $0.baseAddress, 65536)
            }
            if got < 0 { failure = got } else { count = got }
        }
        try Errno.check(failure)
        return bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The corresponding system call is `flock(2)`; false when `wait` is false and another holds the lock.
    package static func lock(_ descriptor: Int32, exclusive: Bool, wait: Bool) throws(Errno) -> Bool {
        let operation = (exclusive ? CLX_LOCK_EX : CLX_LOCK_SH) | (wait ? 0 : CLX_LOCK_NB)
        do throws(Errno) {
            try Errno.check(clx_flock(descriptor, operation))
            return true
        } catch .EAGAIN {
            return false
        }
    }

    /// Gives up a lock for all who have the open file. The corresponding system call is `flock(2)`.
    package static func unlock(_ descriptor: Int32) throws(Errno) {
        try Errno.check(clx_flock(descriptor, CLX_LOCK_UN))
    }
}
