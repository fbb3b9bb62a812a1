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

    /// Removes what is in a directory, directories after what is in them. False when it has only done a part of the work.
    private static func empty(_ top: SharedFD) throws(Errno) -> Bool {
        var removal = TreeRemoval()
        try visitDirectories(below: top, passingOver: { $0 == .ENOENT }) { directory throws(Errno) in
            try removal.removeContent(of: directory.rawValue)
        } afterwards: { name, above throws(Errno) in
            try removal.removeEmptied(name, at: above.rawValue)
        }
        guard removal.isWhole || removal.hasRemoved else { throw .ENOTEMPTY }
        return removal.isWhole
    }

    /// Removes a file or an empty directory. False for a directory that holds something.
    fileprivate static func removeAtOnce(_ name: RawName, at directory: Int32) throws(Errno) -> Bool {
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

/// One walk through a tree that is removed. It keeps the names of so many directories at most, so that it takes little memory
/// however many there are, and leaves the others to the next walk.
private struct TreeRemoval {
    private static let room = 1 << 14
    private static let least = 64

    private(set) var isWhole = true
    private(set) var hasRemoved = false
    private var held = 0

    /// Removes what can be removed at once, and returns the directories that hold something, or a part of them.
    mutating func removeContent(of directory: Int32) throws(Errno) -> [RawName] {
        let limit = max(Self.least, Self.room - held)
        var full: [RawName] = []
        do throws(Errno) {
            var entries = DirectoryEntries(of: directory)
            while let name = try entries.next() {
                guard full.count < limit else {
                    isWhole = false
                    break
                }
                if try Syscall.removeAtOnce(name, at: directory) { hasRemoved = true } else { full.append(name) }
            }
        } catch .ENOENT {
            // Of a directory that another has removed.
        }
        held += full.count
        return full
    }

    /// Removes a directory in which nothing is left, unless that is left to the next walk.
    mutating func removeEmptied(_ name: RawName, at directory: Int32) throws(Errno) {
        held -= 1
        do throws(Errno) {
            try Syscall.removeDirectory(name, at: directory)
            hasRemoved = true
        } catch {
            guard !isWhole, error == .ENOTEMPTY || error == .EEXIST else { throw error }
        }
    }
}
