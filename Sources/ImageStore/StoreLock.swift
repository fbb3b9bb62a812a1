// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import OCIImageSpec

/// The locks of the store. One ends when it goes out of scope.
enum StoreLock {
    /// Waits for the lock.
    static func take(_ path: String, exclusive: Bool) throws(ImageStoreError) -> FileLock {
        try ImageStoreError.attempt("lock", path) { () throws(Errno) in try FileLock(path, exclusive: exclusive) }
    }
}
