// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Archive
internal import Linux

/// How an unpacked layer is kept on disk.
///
/// A layer is written once to a place in a staging directory, is flushed and renamed together with others, and never
/// changes afterwards. All of it is at or below one path, so that rename(2) commits it.
package protocol LayerFormat: Sendable {
    /// What the database knows the format by.
    var name: String { get }

    /// Unpacks a plain tar to the path, where nothing is yet, in overlay form. Blocks; throws `ArchiveError` and what
    /// the stream throws, and may leave a part, which the caller removes.
    func unpack(_ reader: LayerReader, to path: String) throws -> LayerExtractor.Summary

    /// The directory that overlayfs takes as a lower one, for the layer that is kept at the path.
    func lowerDirectory(_ path: String) throws -> String
}

/// A layer as a directory tree.
package struct DirectoryLayers: LayerFormat {
    /// The only one.
    package init() {}

    /// `directory`
    package var name: String { "directory" }

    /// Makes the directory and unpacks into it.
    package func unpack(_ reader: LayerReader, to path: String) throws -> LayerExtractor.Summary {
        try ImageStoreError.attempt("create directory", path) { () throws(Errno) in
            // The archive may give the root other attributes.
            try Syscall.makeDirectory(path, mode: 0o755)
            try Syscall.changeMode(path, 0o755)
        }
        var summary = try LayerExtractor(into: path, whiteout: .overlay).extract(reader)
        // The root of the layer.
        summary.inodes += 1
        summary.bytes += 4096
        return summary
    }

    /// The tree itself.
    package func lowerDirectory(_ path: String) -> String { path }
}
