// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// A file without a name, for what is not kept in memory.
enum SpillFile {
    /// Makes one in the directory that `path` is in. EOPNOTSUPP or EISDIR where the file system knows no files without names.
    static func makeOnDisk(beside path: String) throws(Errno) -> OwnedFD {
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        return try Syscall.open(folder, [.readWrite, .temporary], mode: 0o600)
    }

    /// The same, or in memory without a path.
    static func make(beside path: String?) throws(Errno) -> OwnedFD {
        guard let path else { return try Syscall.memoryFile("layer") }
        do throws(Errno) {
            return try makeOnDisk(beside: path)
        } catch {
            guard error == .EOPNOTSUPP || error == .EISDIR else { throw error }
            // One with a name would change the time of the directory, which may be the layer's own.
            return try Syscall.memoryFile("layer")
        }
    }
}
