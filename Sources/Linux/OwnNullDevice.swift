// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

/// A null device that is nobody else's: who changes its mode or owner takes the machine's from no one. It is on a file system
/// that is mounted nowhere, which goes with the last descriptor.
package struct OwnNullDevice {
    /// For reading and writing.
    package let node: SharedFD
    /// The file system's root. The kernel takes milliseconds to let go of it.
    package let folder: SharedFD

    /// Makes one that everybody may use. EPERM without CAP_SYS_ADMIN or CAP_MKNOD; see fsmount(2) and mknod(2).
    package init() throws(Errno) {
        let context = try Syscall.openFileSystem("tmpfs")
        folder = SharedFD(try Syscall.createMount(context.rawValue))
        try Syscall.makeNode("null", mode: CLX_S_IFCHR | 0o666, device: .null, at: folder.rawValue)
        node = SharedFD(try Syscall.open("null", [.readWrite, .noFollow], at: folder.rawValue))
        try Syscall.changeMode(of: node.rawValue, 0o666)
    }
}
