// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

extension Syscall {
    /// Removes a file or a whole tree; nothing there is right. Never follows a link and never leaves the file system:
    /// a mount point inside is EBUSY. Names may hold any bytes.
    package static func removeTree(_ path: String, at directory: Int32 = workingDirectory) throws(Errno) {
        try remove(Array(path.utf8), at: directory)
    }

    private static func remove(_ name: [UInt8], at directory: Int32) throws(Errno) {
        let cName = name.map { CChar(bitPattern: $0) } + [0]
        let asFile = unsafe clx_unlinkat(directory, cName, 0)
        if asFile == 0 || asFile == -Errno.ENOENT.rawValue { return }
        // EPERM is POSIX's answer for a directory; Linux says EISDIR, some file systems say the other.
        guard asFile == -Errno.EISDIR.rawValue || asFile == -Errno.EPERM.rawValue else {
            try Errno.check(asFile); return
        }
        let flags = CLX_O_DIRECTORY | CLX_O_NOFOLLOW
        let opened = unsafe clx_open(directory, cName, flags, 0)
        guard opened >= 0 else {
            // Not a directory after all: the refusal to remove the file is the one to tell.
            throw Errno(rawValue: opened == -Errno.ENOTDIR.rawValue ? -asFile : -opened)
        }
        let inside = OwnedFD(adopting: opened)
        for entry in try entryBytes(of: inside.rawValue) { try remove(entry, at: inside.rawValue) }
        let asDirectory = unsafe clx_unlinkat(directory, cName, CLX_AT_REMOVEDIR)
        if asDirectory != -Errno.ENOENT.rawValue { try Errno.check(asDirectory) }
    }
}
