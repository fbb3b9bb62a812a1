// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

extension RootfsBuilder {
    /// Covers files with the host's null device and directories with an empty, read-only tmpfs. Paths that the container
    /// does not have need no cover.
    func maskPaths() throws {
        guard !plan.maskedPaths.isEmpty else { return }
        let null = try Self.hostNull()
        var emptyDirectory: OwnedFD?
        for path in plan.maskedPaths {
            guard let target = try existing(path) else { continue }
            try SystemError.attempt("mask", path) { () throws(Errno) in
                if try target.status().isDirectory {
                    emptyDirectory = try cover(target, path, with: emptyDirectory.take())
                } else {
                    let cover = try Syscall.openTree("", at: null.rawValue, clone: true)
                    try Syscall.moveMount(cover.rawValue, to: "", at: target.rawValue)
                }
            }
        }
    }

    /// The node from the host's /dev, checked: the container's could be anything (CVE-2025-31133).
    static func hostNull() throws -> OwnedFD {
        try SystemError.attempt("open", "/dev/null") { () throws(Errno) in
            let null = try Syscall.open("/dev/null", .path)
            guard try null.status().isNullDevice else { throw .ENODEV }
            return null
        }
    }

    /// The first cover is a new file system, the others are mounts of the same one: hosts with many CPUs mask a
    /// directory for each.
    private func cover(
        _ target: borrowing OwnedFD, _ path: String, with empty: consuming OwnedFD?
    ) throws(Errno) -> OwnedFD {
        if let empty = consume empty {
            let copy = try Syscall.openTree("", at: empty.rawValue, clone: true)
            try Syscall.moveMount(copy.rawValue, to: "", at: target.rawValue)
            return empty
        }
        let context = try Syscall.openFileSystem("tmpfs")
        try Syscall.configure(context.rawValue, "nr_blocks", "1")
        try Syscall.configure(context.rawValue, "nr_inodes", "1")
        try Syscall.configure(context.rawValue, flag: "ro")
        let mount = try Syscall.createMount(
            context.rawValue, attributes: [.readOnly, .noSUID, .noDevices, .noExec])
        try Syscall.moveMount(mount.rawValue, to: "", at: target.rawValue)
        return mount
    }

    /// Puts a read-only copy of the path, with all that is mounted below it, over the path itself. Other attributes stay.
    func protectPaths() throws {
        for path in plan.readOnlyPaths {
            guard let target = try existing(path) else { continue }
            try SystemError.attempt("make read-only", path) { () throws(Errno) in
                let copy = try Syscall.openTree("", at: target.rawValue, clone: true, recursive: true)
                try Syscall.setMountAttributes("", at: copy.rawValue, set: .readOnly, recursive: true)
                try Syscall.moveMount(copy.rawValue, to: "", at: target.rawValue)
            }
        }
    }

    private func existing(_ path: String) throws -> OwnedFD? {
        do throws(Errno) {
            return try root.open(path, .path)
        } catch .ENOENT {
            return nil
        } catch .ENOTDIR {
            return nil
        } catch {
            throw SystemError("open", path, error)
        }
    }
}
