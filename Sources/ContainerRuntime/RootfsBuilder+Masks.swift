// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

extension RootfsBuilder {
    /// Covers files with the host's null device and directories with an empty tmpfs, both read-only. Paths that the
    /// container does not have need no cover.
    func maskPaths() throws {
        var nullDevice: OwnedFD?
        var emptyDirectory: OwnedFD?
        for path in plan.maskedPaths {
            guard let target = try existing(path) else { continue }
            try SystemError.attempt("mask", path) { () throws(Errno) in
                if try target.status().isDirectory {
                    emptyDirectory = try cover(target, emptyDirectory.take(), first: Self.emptyDirectory)
                } else {
                    nullDevice = try cover(target, nullDevice.take(), first: Self.hostNull)
                }
            }
        }
    }

    /// Mounts are copies of the first one: hosts with many CPUs mask a directory for each.
    private func cover(
        _ target: borrowing OwnedFD, _ earlier: consuming OwnedFD?, first: () throws(Errno) -> OwnedFD
    ) throws(Errno) -> OwnedFD {
        if let earlier = consume earlier {
            let copy = try Syscall.openTree("", at: earlier.rawValue, clone: true)
            try Syscall.moveMount(copy.rawValue, to: "", at: target.rawValue)
            return earlier
        }
        let mount = try first()
        try Syscall.moveMount(mount.rawValue, to: "", at: target.rawValue)
        return mount
    }

    /// The node from the host's /dev, checked: the container's could be anything (CVE-2025-31133). One can write to a
    /// device on a read-only mount, but not change the node, which is the machine's: root could take it from everybody.
    private static func hostNull() throws(Errno) -> OwnedFD {
        let null = try Syscall.open("/dev/null", .path)
        guard try null.status().isNullDevice else { throw .ENODEV }
        let mount = try Syscall.openTree("", at: null.rawValue, clone: true)
        try Syscall.setMountAttributes("", at: mount.rawValue, set: .readOnly)
        return mount
    }

    private static func emptyDirectory() throws(Errno) -> OwnedFD {
        let context = try Syscall.openFileSystem("tmpfs")
        try Syscall.configure(context.rawValue, "nr_blocks", "1")
        try Syscall.configure(context.rawValue, "nr_inodes", "1")
        try Syscall.configure(context.rawValue, flag: "ro")
        return try Syscall.createMount(context.rawValue, attributes: [.readOnly, .noSUID, .noDevices, .noExec])
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
