// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import OCIImageSpec
internal import Synchronization

/// Makes files and directories outlast a loss of power. All are flushed at the same time: a file system with a journal takes
/// as long for all of them as for one, but begins anew for one that comes when the others are under way.
enum Flush {
    private final class Outcome: Sendable {
        let failure = Mutex<ImageStoreError?>(nil)
    }

    /// Returns when all are on disk. Blocks.
    static func all(_ paths: [String]) throws(ImageStoreError) {
        let outcome = Outcome()
        FreshThread.concurrently(paths.count) { index in
            do throws(ImageStoreError) {
                try ImageStoreError.attempt("flush", paths[index]) { () throws(Errno) in
                    try Syscall.open(paths[index], [.readOnly, .noFollow]).sync()
                }
            } catch {
                outcome.failure.withLock { $0 = $0 ?? error }
            }
        }
        if let failure = outcome.failure.withLock({ $0 }) { throw failure }
    }
}
