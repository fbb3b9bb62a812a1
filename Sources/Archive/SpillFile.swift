// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// A file without a name, for what is not kept in memory.
enum SpillFile {
    /// Makes one in the directory that `path` is in, or in memory without one.
    static func make(beside path: String?) throws(Errno) -> OwnedFD {
        guard let path else { return try Syscall.memoryFile("layer") }
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        do throws(Errno) {
            return try Syscall.open(folder, [.readWrite, .temporary], mode: 0o600)
        } catch {
            guard error == .EOPNOTSUPP || error == .EISDIR else { throw error }
            // A file system that knows no files without names. One with a name would change the time of the directory, which
            // may be the layer's own.
            return try Syscall.memoryFile("layer")
        }
    }
}
