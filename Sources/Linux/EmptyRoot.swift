// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// The way out of the host for a process that stays in a PID namespace with strangers: whoever of them may trace it finds
/// nothing. The caller must have one thread only.
package enum EmptyRoot {
    /// The user that owns nothing. See `overflowuid` in proc_sys_kernel(5).
    private static let nobody: UInt32 = 65534

    /// Takes the caller into a mount namespace of its own, whose one mount is an empty directory.
    package static func enter() throws(Errno) {
        try Syscall.unshare(.mount)
        try Syscall.mount(target: "/", flags: [.private, .recursive])
        let context = try Syscall.openFileSystem("tmpfs")
        let root = try Syscall.createMount(context.rawValue, attributes: .readOnly)
        try Syscall.moveMount(root.rawValue, to: "/proc")
        do throws(Errno) {
            try Syscall.changeRoot(to: root)
        } catch .EINVAL {
            // The initial ramdisk cannot be pivoted away; it stays mounted below.
            try Syscall.mount(source: ".", target: "/", flags: .move)
            try Syscall.changeRoot(".")
        } catch {
            throw error
        }
        try Syscall.changeDirectory("/")
    }

    /// Takes everything from the caller but the capabilities of the set, bit N being capability N.
    package static func becomeNobody(keeping capabilities: UInt64 = 0) throws(Errno) {
        try Syscall.setDumpable(false)
        try Syscall.forbidNewPrivileges()
        try Syscall.keepCapabilities(capabilities != 0)
        do throws(Errno) {
            try Syscall.setGroups([])
            try Syscall.setGroup(nobody)
            try Syscall.setUser(nobody)
        } catch .EINVAL {
            // A user namespace without that user: its root owns nothing outside either.
        } catch {
            throw error
        }
        try Syscall.setCapabilities(effective: capabilities, permitted: capabilities, inheritable: 0)
        // The change of ids has made the process as dumpable as the system says.
        try Syscall.setDumpable(false)
    }
}

extension Syscall {
    /// Makes a mount the root of the caller's mount namespace, and gives up the old one with all that is mounted there.
    /// See pivot_root(2).
    package static func changeRoot(to mount: borrowing OwnedFD) throws(Errno) {
        let oldRoot = try open("/", [.path, .directory])
        try changeDirectory(to: mount.rawValue)
        // The old root is stacked on the new one, so no directory for it is needed.
        try pivotRoot(".", putOld: ".")
        try changeDirectory(to: oldRoot.rawValue)
        // Unmounting must not reach the host's mounts, whatever the propagation of ours is.
        try Syscall.mount(target: ".", flags: [.slave, .recursive])
        try unmount(".", detach: true)
    }
}
