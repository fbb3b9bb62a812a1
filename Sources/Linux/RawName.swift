// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

/// A file name or path of arbitrary bytes: the kernel knows no encoding, and archives hold names that are no UTF-8.
package struct RawName: Hashable, Sendable, CustomStringConvertible {
    /// The bytes with the NUL that ends them.
    private let terminated: [UInt8]

    /// From bytes without NUL; what follows a NUL is cut off.
    package init(_ bytes: ArraySlice<UInt8>) {
        let count = (bytes.firstIndex(of: 0) ?? bytes.endIndex) - bytes.startIndex
        terminated = unsafe [UInt8](unsafeUninitializedCapacity: count + 1) { buffer, filled in
            _ = unsafe buffer.initialize(fromContentsOf: bytes.prefix(count))
            unsafe buffer.initializeElement(at: count, to: 0)
            filled = count + 1
        }
    }

    package init(_ bytes: [UInt8]) { self.init(bytes[...]) }

    package init(_ text: String) { self.init(Array(text.utf8)) }

    /// Without the NUL.
    package var bytes: ArraySlice<UInt8> { terminated.dropLast() }
    package var isEmpty: Bool { terminated.count == 1 }

    /// For messages: bytes that are no UTF-8 become U+FFFD.
    package var description: String { String(decoding: bytes, as: UTF8.self) }

    func withCString<Value>(_ body: (UnsafePointer<CChar>) -> Value) -> Value {
        // The array is never empty and ends with NUL.
        unsafe terminated.withUnsafeBufferPointer { buffer in
            unsafe buffer.withMemoryRebound(to: CChar.self) { rebound in
                guard let base = rebound.baseAddress else { preconditionFailure("a raw name has its NUL") }
                return unsafe body(base)
            }
        }
    }
}

/// The calls of `Syscall` that unpack and remove trees, for names of any bytes.
extension Syscall {
    /// The corresponding system call is `openat2(2)`.
    package static func open(
        _ path: RawName, _ flags: OpenFlags, mode: UInt32 = 0, at directory: Int32, resolve: ResolveFlags
    ) throws(Errno) -> OwnedFD {
        // openat2 refuses a mode where nothing can be created.
        let mode = flags.contains(.create) ? UInt64(mode) : 0
        let result = unsafe path.withCString {
            unsafe clx_openat2(directory, $0, UInt64(UInt32(bitPattern: flags.rawValue)), mode, resolve.rawValue)
        }
        return OwnedFD(adopting: try Errno.check(result))
    }

    /// The corresponding system call is `openat(2)`.
    package static func open(
        _ path: RawName, _ flags: OpenFlags, mode: UInt32 = 0o644, at directory: Int32
    ) throws(Errno) -> OwnedFD {
        unsafe OwnedFD(
            adopting: try Errno.check(path.withCString { unsafe clx_open(directory, $0, flags.rawValue, mode) }))
    }

    /// The attributes of the link itself. The corresponding system call is `fstatat(2)` with AT_SYMLINK_NOFOLLOW.
    package static func linkStatus(_ path: RawName, at directory: Int32) throws(Errno) -> FileStatus {
        var raw = clx_stat()
        unsafe try Errno.check(
            path.withCString { unsafe clx_fstatat(directory, $0, &raw, CLX_AT_SYMLINK_NOFOLLOW) })
        return FileStatus(raw)
    }

    /// The corresponding system call is `mkdirat(2)`; the umask applies.
    package static func makeDirectory(_ path: RawName, mode: UInt32, at directory: Int32) throws(Errno) {
        unsafe try Errno.check(path.withCString { unsafe clx_mkdirat(directory, $0, mode) })
    }

    /// The corresponding system call is `mknodat(2)`; mode holds the type and the permissions.
    package static func makeNode(
        _ path: RawName, mode: UInt32, device: DeviceNumber, at directory: Int32
    ) throws(Errno) {
        unsafe try Errno.check(path.withCString { unsafe clx_mknodat(directory, $0, mode, device.major, device.minor) })
    }

    /// The corresponding system call is `symlinkat(2)`.
    package static func makeSymlink(_ target: RawName, _ path: RawName, at directory: Int32) throws(Errno) {
        unsafe try Errno.check(
            target.withCString { target in unsafe path.withCString { unsafe clx_symlinkat(target, directory, $0) } })
    }

    /// Never follows a link at the end of `old`. The corresponding system call is `linkat(2)`.
    package static func makeLink(
        _ old: RawName, at oldDirectory: Int32, _ new: RawName, at newDirectory: Int32
    ) throws(Errno) {
        unsafe try Errno.check(
            old.withCString { old in
                unsafe new.withCString { unsafe clx_linkat(oldDirectory, old, newDirectory, $0, 0) }
            })
    }

    /// The corresponding system call is `unlinkat(2)`.
    package static func removeFile(_ path: RawName, at directory: Int32) throws(Errno) {
        unsafe try Errno.check(path.withCString { unsafe clx_unlinkat(directory, $0, 0) })
    }

    /// The corresponding system call is `unlinkat(2)` with AT_REMOVEDIR.
    package static func removeDirectory(_ path: RawName, at directory: Int32) throws(Errno) {
        unsafe try Errno.check(path.withCString { unsafe clx_unlinkat(directory, $0, CLX_AT_REMOVEDIR) })
    }

    /// The corresponding system call is `renameat2(2)`; flags are CLX_RENAME_*.
    package static func rename(
        _ old: RawName, at oldDirectory: Int32, _ new: RawName, at newDirectory: Int32, flags: UInt32 = 0
    ) throws(Errno) {
        unsafe try Errno.check(
            old.withCString { old in
                unsafe new.withCString { unsafe clx_renameat2(oldDirectory, old, newDirectory, $0, flags) }
            })
    }

    /// The target of a symbolic link. The corresponding system call is `readlinkat(2)`.
    package static func readLink(_ path: RawName, at directory: Int32) throws(Errno) -> RawName {
        var failure = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
            let got = unsafe buffer.withMemoryRebound(to: CChar.self) { target in
                unsafe path.withCString { unsafe clx_readlinkat(directory, $0, target.baseAddress, 4096) }
            }
            if got < 0 { failure = got } else { count = got }
        }
        try Errno.check(failure)
        return RawName(bytes)
    }

    /// The corresponding system call is `fchmodat(2)`, which follows a link at the end of the path.
    package static func changeMode(_ path: RawName, _ mode: UInt32, at directory: Int32) throws(Errno) {
        unsafe try Errno.check(path.withCString { unsafe clx_fchmodat(directory, $0, mode) })
    }

    /// Never follows a link at the end of the path. The corresponding system call is `fchownat(2)`.
    package static func changeOwner(
        _ path: RawName, uid: UInt32, gid: UInt32, at directory: Int32
    ) throws(Errno) {
        unsafe try Errno.check(
            path.withCString { unsafe clx_fchownat(directory, $0, uid, gid, CLX_AT_SYMLINK_NOFOLLOW) })
    }

    /// Sets both times to `modified`, of a link itself. The corresponding system call is `utimensat(2)`.
    package static func setTimes(_ path: RawName, modified time: Timestamp, at directory: Int32) throws(Errno) {
        let result = unsafe path.withCString {
            unsafe clx_utimensat(
                directory, $0, time.seconds, time.nanoseconds, time.seconds, time.nanoseconds,
                CLX_AT_SYMLINK_NOFOLLOW)
        }
        try Errno.check(result)
    }

    /// Sets an extended attribute of a file or link that is directly in the directory. The corresponding system call
    /// is `lsetxattr(2)`; needs /proc, because no form of the call takes a directory descriptor before Linux 6.13.
    package static func setAttribute(
        _ name: RawName, _ attribute: RawName, _ value: [UInt8], at directory: Int32
    ) throws(Errno) {
        let path = path(of: name, in: directory)
        let result = unsafe path.withCString { path in
            unsafe attribute.withCString { unsafe clx_lsetxattr(path, $0, value, value.count, 0) }
        }
        try Errno.check(result)
    }

    /// Takes an extended attribute from a file or link that is directly in the directory. The corresponding system call is
    /// `lremovexattr(2)`; needs /proc.
    package static func removeAttribute(_ name: RawName, _ attribute: RawName, at directory: Int32) throws(Errno) {
        let path = path(of: name, in: directory)
        let result = unsafe path.withCString { path in
            unsafe attribute.withCString { unsafe clx_lremovexattr(path, $0) }
        }
        try Errno.check(result)
    }

    /// The names of the extended attributes of a file or link that is directly in the directory. The corresponding
    /// system call is `llistxattr(2)`; needs /proc.
    package static func attributeNames(_ name: RawName, at directory: Int32) throws(Errno) -> [RawName] {
        let path = path(of: name, in: directory)
        let list = unsafe try attributeBytes { buffer in
            unsafe buffer.withMemoryRebound(to: CChar.self) { list in
                unsafe path.withCString { unsafe clx_llistxattr($0, list.baseAddress, list.count) }
            }
        }
        return list.split(separator: 0).map { RawName($0) }
    }

    /// The value of an extended attribute of a file or link that is directly in the directory. The corresponding
    /// system call is `lgetxattr(2)`; needs /proc.
    package static func attribute(
        _ name: RawName, _ attribute: RawName, at directory: Int32
    ) throws(Errno) -> [UInt8] {
        let path = path(of: name, in: directory)
        return unsafe try attributeBytes { buffer in
            unsafe path.withCString { path in
                unsafe attribute.withCString { unsafe clx_lgetxattr(path, $0, buffer.baseAddress, buffer.count) }
            }
        }
    }

    /// Lists and values of attributes have at most 64 KiB, xattr(7).
    private static func attributeBytes(
        _ read: (UnsafeMutableBufferPointer<UInt8>) -> Int
    ) throws(Errno) -> [UInt8] {
        var failure = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 65536) { buffer, count in
            let got = unsafe read(buffer)
            if got < 0 { failure = got } else { count = got }
        }
        try Errno.check(failure)
        return bytes
    }

    private static func path(of name: RawName, in directory: Int32) -> RawName {
        RawName(Array("/proc/self/fd/\(directory)/".utf8) + name.bytes)
    }

    /// Sets an extended attribute of an open file. The corresponding system call is `fsetxattr(2)`.
    package static func setAttribute(
        of descriptor: Int32, _ attribute: RawName, _ value: [UInt8]
    ) throws(Errno) {
        unsafe try Errno.check(
            attribute.withCString { unsafe clx_fsetxattr(descriptor, $0, value, value.count, 0) })
    }

    /// The names in a directory without `.` and `..`, in the file system's order. The descriptor must be fresh: its
    /// position moves. The corresponding system call is `getdents64(2)`.
    package static func rawEntries(of descriptor: Int32) throws(Errno) -> [RawName] {
        var entries = DirectoryEntries(of: descriptor)
        var names: [RawName] = []
        while let name = try entries.next() { names.append(name) }
        return names
    }
}
