// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Archive
package import Linux
package import OCIImageSpec

/// A layer as a directory tree in the form of overlayfs. For every kernel and file system.
package struct DirectoryLayers: LayerFormat {
    private let limits: UnpackLimits

    /// Layers of at most that size.
    package init(limits: UnpackLimits = UnpackLimits()) { self.limits = limits }

    /// `directory`
    package var name: String { "directory" }

    /// Makes the directory, which the archive may give other attributes.
    package func begin(_ path: String, _ diffID: Digest) throws -> any LayerWriter {
        try ImageStoreError.attempt("create directory", path) { () throws(Errno) in
            try Syscall.makeDirectory(path, mode: 0o755)
            try Syscall.changeMode(path, 0o755)
        }
        return try LayerExtractor(into: path, whiteout: .overlay, limits: limits)
    }

    /// Thousands of files are flushed faster together.
    package func flush(_ path: String, bytes: UInt64) -> PendingFlush { .fileSystem }

    /// Of everything that the tree shows.
    package func checksum(of path: String) throws(Errno) -> String {
        let root = try Syscall.open(path, [.directory, .noFollow])
        return try TreeInventory(of: root.rawValue, beside: path).checksum
    }

    /// The tree itself.
    package func root(of path: String) throws -> LayerRoot { try LayerRoot(directory: path) }
}
