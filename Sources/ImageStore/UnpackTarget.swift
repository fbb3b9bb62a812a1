// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import OCIImageSpec

/// A directory that is filled by one operation or stays as it was.
struct UnpackTarget: Sendable {
    private let path: String
    private let wasMade: Bool

    /// Makes the directory, or takes an empty one. Throws `.inUse` when it holds something.
    init(_ path: String) throws(ImageStoreError) {
        self.path = path
        let entries = try ImageStoreError.attempt("create directory", path) { () throws(Errno) -> [String]? in
            do throws(Errno) {
                try Syscall.makeDirectory(path, mode: 0o755)
                return nil
            } catch .EEXIST {
                return try Syscall.entries(path)
            }
        }
        guard entries?.isEmpty ?? true else {
            throw ImageStoreError(.inUse, "unpack to", path, "the directory is not empty")
        }
        wasMade = entries == nil
    }

    /// Removes what was put into it, and the directory itself if it was made.
    func undo() throws(ImageStoreError) {
        try ImageStoreError.attempt("remove", path) { () throws(Errno) in
            if wasMade { return try Syscall.removeTree(path) }
            let directory = try Syscall.open(path, [.directory])
            var entries = DirectoryEntries(of: directory.rawValue)
            while let name = try entries.next() { try Syscall.removeTree(name, at: directory.rawValue) }
        }
    }
}
