// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Dispatch
internal import Linux
internal import OCIImageSpec
internal import Synchronization

/// Makes files and directories outlast a loss of power. They are flushed side by side: a file system with a journal takes as
/// long for all of them as for one.
enum Flush {
    /// Returns when all are on disk. Blocks.
    static func all(_ paths: [String]) throws(ImageStoreError) {
        let failure = Mutex<ImageStoreError?>(nil)
        DispatchQueue.concurrentPerform(iterations: paths.count) { index in
            do throws(ImageStoreError) {
                try ImageStoreError.attempt("flush", paths[index]) { () throws(Errno) in
                    try Syscall.open(paths[index], [.readOnly, .noFollow]).sync()
                }
            } catch {
                failure.withLock { $0 = $0 ?? error }
            }
        }
        if let failure = failure.withLock({ $0 }) { throw failure }
    }
}
