// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import OCIImageSpec

/// A directory in which a layer is unpacked, or documents are written, before they have a name. It holds a lock for its whole life: what is
/// not locked belongs to a process that died, and is removed by whoever opens the store next.
final class StagingDirectory: Sendable {
    let path: String
    private let lock: SharedFD

    /// Makes an empty one.
    init(_ paths: StorePaths) throws(ImageStoreError) {
        // Until the new directory is locked it looks abandoned; scavengers hold the store's lock exclusively.
        let guarding = try StoreLock.take(paths.lock, exclusive: false)
        let path = "\(paths.staging)/\(randomName())"
        lock = try ImageStoreError.attempt("create staging directory", path) { () throws(Errno) in
            try Syscall.makeDirectory(path, mode: 0o700)
            return SharedFD(try FileLock(Self.lockFile(path), exclusive: true).descriptor())
        }
        self.path = path
        _ = consume guarding
    }

    /// Removes the directory with what is in it.
    func remove() throws(ImageStoreError) {
        try ImageStoreError.attempt("remove staging directory", path) { () throws(Errno) in
            try Syscall.removeTree(path)
        }
    }

    /// The name of the directory, which tells whose things elsewhere go with it.
    var name: String { String(path.split(separator: "/").last ?? "") }

    /// Whether the owner of the staging directory at the path is dead. Only asked with the store locked exclusively.
    static func isAbandoned(_ path: String) -> Bool {
        do throws(Errno) {
            let file = try Syscall.open(lockFile(path), [.readWrite])
            return try Syscall.lock(file.rawValue, exclusive: true, wait: false)
        } catch {
            // Died between the directory and its lock file. A file is what versions before tried to mount.
            return error == .ENOENT || error == .ENOTDIR
        }
    }

    private static func lockFile(_ path: String) -> String { "\(path)/lock" }
}
