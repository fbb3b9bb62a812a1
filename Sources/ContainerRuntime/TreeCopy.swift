// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// Copies what a directory holds into a fresh file system, for the mount option `tmpcopyup`.
enum TreeCopy {
    /// Regular files, directories and links with owner and mode. Other kinds are left out, as in runc.
    static func copy(from source: Int32, to target: Int32) throws(SystemError) {
        try SystemError.attempt("copy", "tmpcopyup") { () throws(Errno) in try copyDirectory(source, target) }
    }

    private static func copyDirectory(_ source: Int32, _ target: Int32) throws(Errno) {
        // The handles are O_PATH; reading names needs an open directory.
        for name in try Syscall.entries(".", at: source) {
            let status = try Syscall.linkStatus(name, at: source)
            switch status.kind {
            case .directory:
                try Syscall.makeDirectory(name, mode: status.permissions, at: target)
                let from = try Syscall.open(name, [.path, .directory, .noFollow], at: source)
                let to = try Syscall.open(name, [.path, .directory, .noFollow], at: target)
                try copyDirectory(from.rawValue, to.rawValue)
            case .regular: try copyFile(name, status, source, target)
            case .symlink: try Syscall.makeSymlink(try Syscall.readLink(name, at: source), name, at: target)
            case .character, .block, .fifo, .socket, .unknown: continue
            }
            try Syscall.changeOwner(name, uid: status.uid, gid: status.gid, at: target)
            if status.kind != .symlink { try Syscall.changeMode(name, status.permissions, at: target) }
        }
    }

    private static func copyFile(
        _ name: String, _ status: FileStatus, _ source: Int32, _ target: Int32
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
