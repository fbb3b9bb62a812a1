// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The regular files of a directory, by their names in it.
struct FolderFiles: Sendable {
    /// The directory.
    let path: String
    private let root: SharedFD
    private let resolve: ResolveFlags

    /// The directory at the path. In one that `isUnpacked` from a stranger's archive, links lead to nowhere outside.
    init(_ path: String, isUnpacked: Bool) throws(Errno) {
        self.path = path
        root = SharedFD(try Syscall.open(path, [.path, .directory]))
        resolve = isUnpacked ? [.inRoot, .noMagicLinks] : []
    }

    /// Opens the file for reading. Throws EINVAL when it is of another kind, which might keep whoever reads it waiting.
    func open(_ name: String) throws(Errno) -> OwnedFD {
        let file = try Syscall.open(name, [.readOnly, .nonblocking], at: root.rawValue, resolve: resolve)
        guard try file.status().kind == .regular else { throw .EINVAL }
        return file
    }

    /// The whole of a file that is no longer than the limit.
    func read(_ name: String, limit: Int) throws(Errno) -> [UInt8] { try open(name).readAll(limit: limit) }
}
