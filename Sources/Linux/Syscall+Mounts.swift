// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

/// Flags of mount(2).
package struct MountFlags: OptionSet, Hashable, Sendable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }

    package static let readOnly = MountFlags(rawValue: CLX_MS_RDONLY)
    package static let noSUID = MountFlags(rawValue: CLX_MS_NOSUID)
    package static let noDevices = MountFlags(rawValue: CLX_MS_NODEV)
    package static let noExec = MountFlags(rawValue: CLX_MS_NOEXEC)
    package static let synchronous = MountFlags(rawValue: CLX_MS_SYNCHRONOUS)
    package static let remount = MountFlags(rawValue: CLX_MS_REMOUNT)
    package static let mandatoryLocks = MountFlags(rawValue: CLX_MS_MANDLOCK)
    package static let directorySync = MountFlags(rawValue: CLX_MS_DIRSYNC)
    package static let noSymlinkFollow = MountFlags(rawValue: CLX_MS_NOSYMFOLLOW)
    package static let noAccessTime = MountFlags(rawValue: CLX_MS_NOATIME)
    package static let noDirectoryAccessTime = MountFlags(rawValue: CLX_MS_NODIRATIME)
    package static let bind = MountFlags(rawValue: CLX_MS_BIND)
    package static let move = MountFlags(rawValue: CLX_MS_MOVE)
    package static let recursive = MountFlags(rawValue: CLX_MS_REC)
    package static let silent = MountFlags(rawValue: CLX_MS_SILENT)
    package static let unbindable = MountFlags(rawValue: CLX_MS_UNBINDABLE)
    package static let `private` = MountFlags(rawValue: CLX_MS_PRIVATE)
    package static let slave = MountFlags(rawValue: CLX_MS_SLAVE)
    package static let shared = MountFlags(rawValue: CLX_MS_SHARED)
    package static let relativeAccessTime = MountFlags(rawValue: CLX_MS_RELATIME)
    package static let inodeVersion = MountFlags(rawValue: CLX_MS_I_VERSION)
    package static let strictAccessTime = MountFlags(rawValue: CLX_MS_STRICTATIME)
    package static let lazyTime = MountFlags(rawValue: CLX_MS_LAZYTIME)
}

/// Attributes of a mount for the new mount interface, mount_setattr(2).
package struct MountAttributes: OptionSet, Hashable, Sendable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }

    package static let readOnly = MountAttributes(rawValue: CLX_MOUNT_ATTR_RDONLY)
    package static let noSUID = MountAttributes(rawValue: CLX_MOUNT_ATTR_NOSUID)
    package static let noDevices = MountAttributes(rawValue: CLX_MOUNT_ATTR_NODEV)
    package static let noExec = MountAttributes(rawValue: CLX_MOUNT_ATTR_NOEXEC)
    /// The whole field of access time modes: clear it before one is set.
    package static let accessTimeMask = MountAttributes(rawValue: CLX_MOUNT_ATTR__ATIME)
    package static let noAccessTime = MountAttributes(rawValue: CLX_MOUNT_ATTR_NOATIME)
    package static let strictAccessTime = MountAttributes(rawValue: CLX_MOUNT_ATTR_STRICTATIME)
    package static let noDirectoryAccessTime = MountAttributes(rawValue: CLX_MOUNT_ATTR_NODIRATIME)
    package static let idMapped = MountAttributes(rawValue: CLX_MOUNT_ATTR_IDMAP)
    package static let noSymlinkFollow = MountAttributes(rawValue: CLX_MOUNT_ATTR_NOSYMFOLLOW)
}

/// A loop device that is in use.
package struct LoopDevice: ~Copyable {
    /// Keeps it.
    package let descriptor: OwnedFD
    /// N of /dev/loopN.
    package let number: UInt32
}

extension Syscall {
    /// Whether a mount is at the path; nothing there is none. One question, however many mounts there are. The corresponding
    /// system call is `statx(2)` with STATX_ATTR_MOUNT_ROOT.
    package static func isMountPoint(_ path: String) throws(Errno) -> Bool {
        do throws(Errno) {
            return unsafe try Errno.check(clx_is_mount_root(path)) != 0
        } catch .ENOENT {
            return false
        } catch {
            throw error
        }
    }

    /// The corresponding system call is `mount(2)`.
    package static func mount(
        source: String? = nil, target: String, type: String? = nil, flags: MountFlags = [], data: String? = nil
    ) throws(Errno) {
        unsafe try Errno.check(clx_mount(source, target, type, flags.rawValue, data))
    }

    /// Never follows a link at the end of the path. The corresponding system call is `umount2(2)`.
    package static func unmount(_ target: String, detach: Bool = false) throws(Errno) {
        unsafe try Errno.check(clx_umount2(target, CLX_UMOUNT_NOFOLLOW | (detach ? CLX_MNT_DETACH : 0)))
    }

    /// Unmounts everything that is stacked at the path; nothing mounted or nothing there is right.
    package static func unmountAll(_ target: String) throws(Errno) {
        while true {
            do throws(Errno) {
                try unmount(target, detach: true)
            } catch .EINVAL {
                return
            } catch .ENOENT {
                return
            }
        }
    }

    /// The corresponding system call is `pivot_root(2)`.
    package static func pivotRoot(_ newRoot: String, putOld: String) throws(Errno) {
        unsafe try Errno.check(clx_pivot_root(newRoot, putOld))
    }

    /// The corresponding system call is `chroot(2)`.
    package static func changeRoot(_ path: String) throws(Errno) { unsafe try Errno.check(clx_chroot(path)) }

    /// A detached copy of the mount at the path, or with `clone` false a handle on it. A link at the end of the path is
    /// the source itself unless it is followed. The corresponding system call is `open_tree(2)`.
    package static func openTree(
        _ path: String, at directory: Int32 = workingDirectory, clone: Bool, recursive: Bool = false,
        follow: Bool = true
    ) throws(Errno) -> OwnedFD {
        var flags = clone ? CLX_OPEN_TREE_CLONE : 0
        if !follow { flags |= UInt32(CLX_AT_SYMLINK_NOFOLLOW) }
        if recursive { flags |= UInt32(CLX_AT_RECURSIVE) }
        if path.isEmpty { flags |= UInt32(CLX_AT_EMPTY_PATH) }
        return unsafe OwnedFD(adopting: try Errno.check(clx_open_tree(directory, path, flags)))
    }

    /// Attaches a detached mount at the path, or with an empty path at the descriptor `directory` itself.
    /// The corresponding system call is `move_mount(2)`.
    package static func moveMount(
        _ mount: Int32, to path: String, at directory: Int32 = workingDirectory
    ) throws(Errno) {
        let flags = CLX_MOVE_MOUNT_F_EMPTY_PATH | (path.isEmpty ? CLX_MOVE_MOUNT_T_EMPTY_PATH : 0)
        unsafe try Errno.check(clx_move_mount(mount, "", directory, path, flags))
    }

    /// A context in which a file system is configured. The corresponding system call is `fsopen(2)`.
    package static func openFileSystem(_ type: String) throws(Errno) -> OwnedFD {
        unsafe OwnedFD(adopting: try Errno.check(clx_fsopen(type, CLX_FSOPEN_CLOEXEC)))
    }

    /// Sets a parameter with a value. The corresponding system call is `fsconfig(2)` with FSCONFIG_SET_STRING.
    package static func configure(_ context: Int32, _ key: String, _ value: String) throws(Errno) {
        unsafe try Errno.check(clx_fsconfig(context, CLX_FSCONFIG_SET_STRING, key, value, 0))
    }

    /// Sets a parameter without a value. The corresponding system call is `fsconfig(2)` with FSCONFIG_SET_FLAG.
    package static func configure(_ context: Int32, flag key: String) throws(Errno) {
        unsafe try Errno.check(clx_fsconfig(context, CLX_FSCONFIG_SET_FLAG, key, nil, 0))
    }

    /// Sets a parameter to a descriptor. The corresponding system call is `fsconfig(2)` with FSCONFIG_SET_FD.
    package static func configure(_ context: Int32, _ key: String, descriptor: Int32) throws(Errno) {
        unsafe try Errno.check(clx_fsconfig(context, CLX_FSCONFIG_SET_FD, key, nil, descriptor))
    }

    /// Creates the configured file system and returns a detached mount of it.
    /// The corresponding system calls are `fsconfig(2)` with FSCONFIG_CMD_CREATE and `fsmount(2)`.
    package static func createMount(_ context: Int32, attributes: MountAttributes = []) throws(Errno) -> OwnedFD {
        try Errno.check(clx_fsconfig(context, CLX_FSCONFIG_CMD_CREATE, nil, nil, 0))
        let mount = clx_fsmount(context, CLX_FSMOUNT_CLOEXEC, UInt32(truncatingIfNeeded: attributes.rawValue))
        return OwnedFD(adopting: try Errno.check(mount))
    }

    /// Attaches a file to a free loop device, which is gone when nobody uses it any more: neither this descriptor nor a
    /// mount. See loop(4), LOOP_CONFIGURE.
    package static func attachLoopDevice(to file: Int32) throws(Errno) -> LoopDevice {
        var number: UInt32 = 0
        let descriptor = unsafe OwnedFD(adopting: try Errno.check(clx_attach_loop(file, &number)))
        return LoopDevice(descriptor: descriptor, number: number)
    }

    /// Changes attributes and propagation of the mount at the path, or of the mount that `directory` is when the path
    /// is empty. The corresponding system call is `mount_setattr(2)`.
    package static func setMountAttributes(
        _ path: String, at directory: Int32 = workingDirectory, set: MountAttributes = [], clear: MountAttributes = [],
        propagation: MountFlags = [], recursive: Bool = false, userNamespace: Int32 = -1
    ) throws(Errno) {
        var flags = recursive ? UInt32(CLX_AT_RECURSIVE) : 0
        if path.isEmpty { flags |= UInt32(CLX_AT_EMPTY_PATH) }
        unsafe try Errno.check(
            clx_mount_setattr(
                directory, path, flags, set.rawValue, clear.rawValue, propagation.rawValue, userNamespace))
    }

    /// What the kernel wrote into the context about a failure, its error lines joined; empty when there is nothing.
    /// See fsopen(2), "Context log".
    package static func messages(of context: Int32) -> String {
        var lines: [String] = []
        while lines.count < 16, let bytes = try? read(context, upTo: 4096), !bytes.isEmpty {
            // ENODATA ends the log; each message is "e text", "w text" or "i text".
            let line = String(decoding: bytes, as: UTF8.self)
            lines.append(String(line.dropFirst(2)).trimmingTrailingNewline)
        }
        return lines.joined(separator: "; ")
    }
}

extension String {
    var trimmingTrailingNewline: String { last == "\n" ? String(dropLast()) : self }
}
