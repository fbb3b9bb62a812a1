// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// Copies what a directory holds into a fresh file system, for the mount option `tmpcopyup`.
enum TreeCopy {
    /// Every kind of file with owner, mode, time and extended attributes; the attributes of the directory itself too.
    static func copy(from source: borrowing OwnedFD, to target: borrowing OwnedFD) throws(SystemError) {
        let from = source.rawValue
        let to = target.rawValue
        try SystemError.attempt("copy", "tmpcopyup") { () throws(Errno) in
            try copyAttributes(RawName("."), from, to)
            try copyDirectory(from, to)
        }
    }

    private static func copyDirectory(_ source: Int32, _ target: Int32) throws(Errno) {
        // The handles are O_PATH; reading names needs an open directory.
        let names = try Syscall.open(".", .directory, at: source)
        for name in try Syscall.rawEntries(of: names.rawValue) {
            let status = try Syscall.linkStatus(name, at: source)
            switch status.kind {
            case .directory:
                try Syscall.makeDirectory(name, mode: status.permissions, at: target)
                let from = try Syscall.open(name, [.path, .directory, .noFollow], at: source)
                let to = try Syscall.open(name, [.path, .directory, .noFollow], at: target)
                try copyDirectory(from.rawValue, to.rawValue)
            case .regular: try copyFile(name, status, source, target)
            case .symlink: try Syscall.makeSymlink(try Syscall.readLink(name, at: source), name, at: target)
            case .character, .block, .fifo, .socket:
                try Syscall.makeNode(name, mode: status.mode, device: status.deviceNumber, at: target)
            case .unknown: throw .EINVAL
            }
            try Syscall.changeOwner(name, uid: status.uid, gid: status.gid, at: target)
            if status.kind != .symlink { try Syscall.changeMode(name, status.permissions, at: target) }
            try copyAttributes(name, source, target)
            try Syscall.setTimes(name, modified: status.modified, at: target)
        }
    }

    /// Of a link its own. What a tmpfs cannot keep stays behind: user attributes before Linux 6.6, and those that only
    /// the host's root may set where the container has users of its own.
    private static func copyAttributes(_ name: RawName, _ source: Int32, _ target: Int32) throws(Errno) {
        let attributes: [RawName]
        do throws(Errno) { attributes = try Syscall.attributeNames(name, at: source) } catch .EOPNOTSUPP { return }
        for attribute in attributes {
            do throws(Errno) {
                let value = try Syscall.attribute(name, attribute, at: source)
                try Syscall.setAttribute(name, attribute, value, at: target)
            } catch .EOPNOTSUPP {
            } catch .EPERM {}
        }
    }

    private static func copyFile(
        _ name: RawName, _ status: FileStatus, _ source: Int32, _ target: Int32
    ) throws(Errno) {
        let from = try Syscall.open(name, [.readOnly, .noFollow, .nonblocking], at: source)
        let to = try Syscall.open(
            name, [.writeOnly, .create, .exclusive, .noFollow], mode: status.permissions, at: target)
        while true {
            let bytes = try from.read(upTo: 1 << 16)
            if bytes.isEmpty { return }
            try to.writeAll(bytes)
        }
    }
}
