// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Archive
package import Linux
package import OCIImageSpec

/// How an unpacked layer is kept on disk.
///
/// A layer is written once to a place in a staging directory, is flushed and renamed together with others, and never
/// changes afterwards. All of it is at or below one path, so that rename(2) commits it.
package protocol LayerFormat: Sendable {
    /// What the database knows the format by.
    var name: String { get }

    /// Begins a layer at the path, where nothing is yet. What a failure leaves, the caller removes.
    func begin(_ path: String, _ diffID: Digest) throws -> any LayerWriter

    /// Makes sure that a finished layer of that many bytes survives a loss of power, where that costs less than to do it
    /// later. Returns what is still to be flushed then.
    func flush(_ path: String, bytes: UInt64) throws -> PendingFlush

    /// What a later check compares with: of everything that the layer at the path is. Blocks.
    func checksum(of path: String) throws(Errno) -> String

    /// The root of the layer that is kept at the path, for overlayfs or to look into.
    func root(of path: String) throws -> LayerRoot
}

/// What is to be flushed before a layer may be recorded.
package enum PendingFlush: Hashable, Sendable {
    case nothing
    /// One file, together with what else there is: each flush alone would wait for the disk.
    case file
    case fileSystem
}

/// The root directory of a layer, for as long as this is there: a mount of it is gone with it, unless an overlay has taken
/// it.
package final class LayerRoot: Sendable {
    /// Where it is, for system calls of this process.
    package let path: String
    /// The directory or the mount, opened with O_PATH.
    package let descriptor: SharedFD

    /// A directory that is somewhere.
    init(directory path: String) throws(ImageStoreError) {
        descriptor = try ImageStoreError.attempt("open layer", path) { () throws(Errno) in
            SharedFD(try Syscall.open(path, [.path, .directory]))
        }
        self.path = path
    }

    /// A mount that is nowhere.
    init(mount: consuming OwnedFD) {
        descriptor = SharedFD(mount)
        path = descriptor.descriptor.procPath
    }
}
