// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import OCIImageSpec

/// Where things are below the store's root. All of them are on one file system, so that a rename moves them.
struct StorePaths: Sendable {
    let root: String
    let run: String

    var database: String { "\(root)/skiff.db" }
    var layers: String { "\(root)/layers" }
    var content: String { "\(root)/content" }
    var staging: String { "\(root)/staging" }
    var trash: String { "\(root)/trash" }
    /// Held shared while layers move in and their rows are written, exclusively while layers move out.
    var lock: String { "\(root)/store.lock" }
    /// Held while the database is opened and brought up to date.
    var openingLock: String { "\(root)/open.lock" }

    func layer(_ diffID: Digest) -> String { "\(layers)/\(diffID.algorithm.rawValue)/\(diffID.hex)" }
    func content(_ digest: Digest) -> String { "\(content)/\(digest.algorithm.rawValue)/\(digest.hex)" }
    func container(_ id: String) -> String { "\(root)/containers/\(id)" }
    func rootfs(_ container: String) -> String { "\(run)/containers/\(container)/rootfs" }

    /// Makes the directories that are missing.
    func prepare() throws(ImageStoreError) {
        let algorithms = Digest.Algorithm.allCases.map(\.rawValue)
        let all =
            [root, staging, trash, "\(root)/containers"]
            + algorithms.flatMap { ["\(layers)/\($0)", "\(content)/\($0)"] }
        for path in all {
            try ImageStoreError.attempt("create directory", path) { () throws(Errno) in
                // Only root reads what an image holds: a setuid program of a layer must not be run by the host's users.
                try Syscall.makeDirectories(path, mode: 0o700)
            }
        }
    }
}

/// A name that nothing else has: 128 random bits.
func randomName() -> String {
    let digits = [UInt64.random(in: 0...(.max)), UInt64.random(in: 0...(.max))].map { String($0, radix: 36) }
    return digits.joined()
}
