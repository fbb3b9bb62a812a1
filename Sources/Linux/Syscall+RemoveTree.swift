// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

extension Syscall {
    /// Removes a file or a whole tree; nothing there is right. Never follows a link and never leaves the file system:
    /// a mount point inside is EBUSY. Names may hold any bytes.
    package static func removeTree(_ path: String, at directory: Int32 = workingDirectory) throws(Errno) {
        try removeTree(RawName(path), at: directory)
    }

    /// The same for a name of any bytes.
    package static func removeTree(_ name: RawName, at directory: Int32) throws(Errno) {
        let refusal: Errno
        do throws(Errno) {
            try removeFile(name, at: directory)
            return
        } catch .ENOENT {
            return
        } catch {
            // EPERM is POSIX's answer for a directory; Linux says EISDIR, some file systems say the other.
            guard error == .EISDIR || error == .EPERM else { throw error }
            refusal = error
        }
        do throws(Errno) {
            // Empty directories are common, and done with one call.
            try removeDirectory(name, at: directory)
            return
        } catch .ENOENT {
            return
        } catch .ENOTDIR {
            // Not a directory after all: the refusal to remove the file is the one to tell.
            throw refusal
        } catch {
            // EEXIST is the other answer that POSIX allows.
            guard error == .ENOTEMPTY || error == .EEXIST else { throw error }
        }
        do throws(Errno) {
            let opened = try open(name, [.directory, .noFollow], at: directory)
            for inner in try rawEntries(of: opened.rawValue) { try removeTree(inner, at: opened.rawValue) }
            try removeDirectory(name, at: directory)
        } catch .ENOENT {
            // Somebody else removes the same tree, and was faster; getdents64(2) says so as well.
        }
    }
}
