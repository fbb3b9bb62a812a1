// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// Labels of files. Blocks the calling thread.
enum SELinuxTree {
    private static let attribute = "security.selinux"

    /// Folders that belong to the machine: with a container's label it would not work any more.
    private static let protected: Set<String> = [
        "/", "/bin", "/boot", "/dev", "/etc", "/etc/passwd", "/etc/pki", "/etc/shadow", "/home", "/lib", "/lib64",
        "/media",
        "/opt", "/proc", "/root", "/run", "/sbin", "/srv", "/sys", "/tmp", "/usr", "/var", "/var/lib", "/var/log",
    ]

    private static func value(_ label: String) -> [UInt8] { Array(label.utf8) + [0] }

    /// Labels one file.
    static func label(_ path: String, _ label: String) throws {
        try SystemError.attempt("label", path) { () throws(Errno) in
            try Syscall.setAttribute(path, attribute, value(label))
        }
    }

    /// Labels a tree, on all file systems in it that know labels. Links are not followed. What goes away meanwhile is passed
    /// over. The file is opened with O_PATH, and stays the one that is labelled: whoever can rename folders above it leads to
    /// no other. The path is for messages.
    static func relabel(
        _ file: borrowing OwnedFD, at path: String, _ label: String, unlessLabelled: Bool = false
    ) throws {
        guard !protected.contains(path) else {
            throw ServiceError(.invalid, "label", path, "the machine needs it as it is")
        }
        do throws(Errno) {
            let wanted = value(label)
            if unlessLabelled, try has(file, wanted) { return }
            do throws(Errno) {
                try Syscall.setAttribute(behind: file, attribute, wanted)
            } catch {
                // A file system without labels has one for all.
                if error == .EOPNOTSUPP { return }
                throw error
            }
            guard try file.status().isDirectory else { return }
            let top = SharedFD(try Syscall.open(".", [.directory, .noFollow], at: file.rawValue))
            try Syscall.visitDirectories(below: top, passingOver: passed.contains) { directory throws(Errno) in
                try relabelContent(of: directory, wanted)
            }
        } catch {
            throw SystemError("label", path, error)
        }
    }

    private static func has(_ file: borrowing OwnedFD, _ wanted: [UInt8]) throws(Errno) -> Bool {
        do throws(Errno) {
            let present = try Syscall.attribute(behind: file, attribute)
            return present == wanted || present == wanted.dropLast()
        } catch {
            if error == .ENODATA || error == .EOPNOTSUPP { return false }
            throw error
        }
    }

    /// What goes away or is moved, or has no labels.
    private static let passed: Set<Errno> = [.ENOENT, .ENOTDIR, .ELOOP, .EOPNOTSUPP, .ESTALE]

    /// Labels what is in a directory, and returns the directories among it.
    private static func relabelContent(of directory: SharedFD, _ wanted: [UInt8]) throws(Errno) -> [RawName] {
        var directories: [RawName] = []
        var entries = DirectoryEntries(of: directory.rawValue)
        while let name = try entries.next() {
            do throws(Errno) {
                try Syscall.setAttribute(name, RawName(attribute), wanted, at: directory.rawValue)
                if try Syscall.linkStatus(name, at: directory.rawValue).isDirectory { directories.append(name) }
            } catch {
                guard passed.contains(error) else { throw error }
            }
        }
        return directories
    }
}
