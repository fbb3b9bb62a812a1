// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

/// A directory below which paths of strangers are resolved: no link, `..` or absolute path leads out of it.
///
/// Every step goes through openat2(2) with RESOLVE_IN_ROOT, so a tree that changes meanwhile cannot win a race. What
/// comes back is a descriptor; use that, never the path again.
package struct SafeRoot: ~Copyable, Sendable {
    package let directory: OwnedFD

    /// Opens the directory itself, which is trusted.
    package init(_ path: String) throws(Errno) { directory = try Syscall.open(path, [.path, .directory]) }

    package init(adopting directory: consuming OwnedFD) { self.directory = directory }

    /// Opens a path below the root as if the root were `/`; links are followed within, except a last one with .noFollow.
    package borrowing func open(_ path: String, _ flags: OpenFlags, mode: UInt32 = 0) throws(Errno) -> OwnedFD {
        let inside = path.drop { $0 == "/" }
        return try Syscall.open(
            inside.isEmpty ? "." : String(inside), flags, mode: mode, at: directory.rawValue,
            resolve: [.inRoot, .noMagicLinks])
    }

    /// A handle (O_PATH) on the directory, which is made with its parents where it is missing. A dangling link in the
    /// path is an error (ENOENT): what it points to could be meant for elsewhere.
    package borrowing func makeDirectories(_ path: String, mode: UInt32 = 0o755) throws(Errno) -> OwnedFD {
        do throws(Errno) {
            return try open(path, [.path, .directory])
        } catch .ENOENT {
            let (parent, name) = try Self.split(path)
            let above = try makeDirectories(parent, mode: mode)
            do throws(Errno) { try Syscall.makeDirectory(name, mode: mode, at: above.rawValue) } catch .EEXIST {}
            return try Syscall.open(
                name, [.path, .directory, .noFollow], at: above.rawValue, resolve: [.beneath, .noMagicLinks])
        }
    }

    /// A handle (O_PATH) on the file; an empty regular file is made with its parents where nothing is.
    package borrowing func makeFile(_ path: String, mode: UInt32 = 0o644) throws(Errno) -> OwnedFD {
        do throws(Errno) {
            return try open(path, .path)
        } catch .ENOENT {
            let (parent, name) = try Self.split(path)
            let above = try makeDirectories(parent)
            do throws(Errno) {
                _ = try Syscall.open(name, [.writeOnly, .create, .exclusive], mode: mode, at: above.rawValue)
            } catch .EEXIST {}
            return try Syscall.open(name, [.path, .noFollow], at: above.rawValue, resolve: [.beneath, .noMagicLinks])
        }
    }

    /// A handle on the directory that holds the path's last component, made where missing, and that component.
    package borrowing func parent(of path: String) throws(Errno) -> (directory: SharedFD, name: String) {
        let (parent, name) = try Self.split(path)
        return (SharedFD(try makeDirectories(parent)), name)
    }

    /// The whole file below the root, at most `limit` bytes (more is EFBIG); only a regular file (EINVAL).
    package borrowing func readFile(_ path: String, limit: Int = 1 << 24) throws(Errno) -> [UInt8] {
        // Nonblocking: a fifo of the container's must not stop the reader.
        let file = try open(path, [.readOnly, .nonblocking])
        guard try file.status().kind == .regular else { throw .EINVAL }
        return try file.readAll(limit: limit)
    }

    /// Parent and last component; `..` and the root itself have none.
    static func split(_ path: String) throws(Errno) -> (parent: String, name: String) {
        let parts = path.split(separator: "/").filter { $0 != "." }
        guard let name = parts.last, name != ".." else { throw .EINVAL }
        return (parts.dropLast().joined(separator: "/"), String(name))
    }
}
