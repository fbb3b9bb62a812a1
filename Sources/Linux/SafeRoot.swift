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
        var attempts = 0
        while true {
            do throws(Errno) {
                return try Syscall.open(
                    inside.isEmpty ? "." : String(inside), flags, mode: mode, at: directory.rawValue,
                    resolve: [.inRoot, .noMagicLinks])
            } catch .EAGAIN where attempts < 128 {
                // Somebody renames while a `..` is resolved, and the kernel is not sure; see openat2(2).
                attempts += 1
            }
        }
    }

    /// The same for a path that no link is part of (ELOOP), so it is where the text says.
    package borrowing func openLiterally(_ path: String, _ flags: OpenFlags) throws(Errno) -> OwnedFD {
        try Syscall.open(
            String(path.drop { $0 == "/" }), flags, at: directory.rawValue, resolve: [.inRoot, .noSymlinks])
    }

    /// A handle (O_PATH) on the directory, which is made with its parents where it is missing. So is what a dangling
    /// link in the path points to, inside the root. Each directory that is made belongs to the owner, if there is one.
    package borrowing func makeDirectories(
        _ path: String, mode: UInt32 = 0o755, owner: FileOwner? = nil
    ) throws(Errno) -> OwnedFD {
        var links = 0
        return try makeDirectories(path, mode, owner, &links)
    }

    private borrowing func makeDirectories(
        _ path: String, _ mode: UInt32, _ owner: FileOwner?, _ links: inout Int
    ) throws(Errno) -> OwnedFD {
        do throws(Errno) {
            return try open(path, [.path, .directory])
        } catch .ENOENT {
            let (parent, name) = try Self.split(path)
            let above = try makeDirectories(parent, mode, owner, &links)
            var isMade = true
            do throws(Errno) {
                try Syscall.makeDirectory(name, mode: mode, at: above.rawValue)
            } catch .EEXIST {
                isMade = false
                if let path = try Self.follow(name, above, parent, &links) {
                    return try makeDirectories(path, mode, owner, &links)
                }
            }
            let folder = try Syscall.open(
                name, [.path, .directory, .noFollow], at: above.rawValue, resolve: [.beneath, .noMagicLinks])
            if isMade, let owner { try Syscall.changeOwner(of: folder.rawValue, uid: owner.uid, gid: owner.gid) }
            return folder
        }
    }

    /// A handle (O_PATH) on the file; an empty regular file is made with its parents where nothing is, also where a
    /// dangling link points to.
    package borrowing func makeFile(_ path: String, mode: UInt32 = 0o644) throws(Errno) -> OwnedFD {
        var links = 0
        return try makeFile(path, mode, &links)
    }

    private borrowing func makeFile(_ path: String, _ mode: UInt32, _ links: inout Int) throws(Errno) -> OwnedFD {
        do throws(Errno) {
            return try open(path, .path)
        } catch .ENOENT {
            let (parent, name) = try Self.split(path)
            let above = try makeDirectories(parent, 0o755, nil, &links)
            do throws(Errno) {
                _ = try Syscall.open(name, [.writeOnly, .create, .exclusive], mode: mode, at: above.rawValue)
            } catch .EEXIST {
                if let path = try Self.follow(name, above, parent, &links) { return try makeFile(path, mode, &links) }
            }
            return try Syscall.open(name, [.path, .noFollow], at: above.rawValue, resolve: [.beneath, .noMagicLinks])
        }
    }

    /// Where the dangling link in `parent` points to, as a path below the root; nil when it is no link, but was made by
    /// somebody else meanwhile. Every such path is opened in the root again, so what it says cannot do harm.
    private static func follow(
        _ name: String, _ above: borrowing OwnedFD, _ parent: String, _ links: inout Int
    ) throws(Errno) -> String? {
        do throws(Errno) {
            let target = try Syscall.readLink(name, at: above.rawValue)
            links += 1
            // The bound of the kernel, path_resolution(7).
            guard links <= 40 else { throw .ELOOP }
            return target.hasPrefix("/") ? target : "\(parent)/\(target)"
        } catch .EINVAL {
            return nil
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
        let parts = path.utf8.split(separator: UInt8(ascii: "/")).map(Substring.init).filter { $0 != "." }
        guard let name = parts.last, name != ".." else { throw .EINVAL }
        return (parts.dropLast().joined(separator: "/"), String(name))
    }
}
