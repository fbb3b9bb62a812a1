// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

extension Syscall {
    /// Removes a file or a whole tree of any depth; nothing there is right, and so is another who removes the same. Never
    /// follows a link and never leaves the file system: a mount point inside is EBUSY. Names may hold any bytes.
    package static func removeTree(_ path: String, at directory: Int32 = workingDirectory) throws(Errno) {
        try removeTree(RawName(path), at: directory)
    }

    /// The same for a name of any bytes.
    package static func removeTree(_ name: RawName, at directory: Int32) throws(Errno) {
        guard try !removeAtOnce(name, at: directory) else { return }
        do throws(Errno) {
            while try !empty(SharedFD(try open(name, [.directory, .noFollow], at: directory))) {}
            try removeDirectory(name, at: directory)
        } catch .ENOENT {}
    }

    /// So many directories that hold something are gone into at once, of those in one directory: a part, so that it takes
    /// little memory however many there are.
    private static let part = 1024

    /// Removes what is in a directory, directories after what is in them. False when it has only done a part of the work.
    private static func empty(_ top: SharedFD) throws(Errno) -> Bool {
        var isWhole = true
        let content = { (directory: SharedFD) throws(Errno) in try removeContent(of: directory, &isWhole) }
        try visitDirectories(below: top, passingOver: { $0 == .ENOENT }, content) { name, above throws(Errno) in
            do throws(Errno) { try removeDirectory(name, at: above.rawValue) } catch {
                guard !isWhole, error == .ENOTEMPTY || error == .EEXIST else { throw error }
            }
        }
        return isWhole
    }

    /// Removes what can be removed at once, and returns the directories that hold something, or a part of them.
    private static func removeContent(of directory: SharedFD, _ isWhole: inout Bool) throws(Errno) -> [RawName] {
        var full: [RawName] = []
        do throws(Errno) {
            while full.count < part {
                let names = try nextEntries(of: directory.rawValue)
                if names.isEmpty { return full }
                for name in names where try !removeAtOnce(name, at: directory.rawValue) { full.append(name) }
            }
            isWhole = false
        } catch .ENOENT {
            // Of a directory that another has removed.
        }
        return full
    }

    /// Removes a file or an empty directory. False for a directory that holds something.
    private static func removeAtOnce(_ name: RawName, at directory: Int32) throws(Errno) -> Bool {
        let refusal: Errno
        do throws(Errno) {
            try removeFile(name, at: directory)
            return true
        } catch .ENOENT {
            return true
        } catch {
            // EPERM is POSIX's answer for a directory; Linux says EISDIR, some file systems say the other.
            guard error == .EISDIR || error == .EPERM else { throw error }
            refusal = error
        }
        do throws(Errno) {
            // Empty directories are common, and done with one call.
            try removeDirectory(name, at: directory)
            return true
        } catch .ENOENT {
            return true
        } catch .ENOTDIR {
            // Not a directory after all: the refusal to remove the file is the one to tell.
            throw refusal
        } catch {
            // EEXIST is the other answer that POSIX allows.
            guard error == .ENOTEMPTY || error == .EEXIST else { throw error }
            return false
        }
    }
}
