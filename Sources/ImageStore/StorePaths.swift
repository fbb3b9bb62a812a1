// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import OCIImageSpec

/// Where things are. What images have is on one file system, so that a rename moves it; the database and what containers
/// write may be on another.
struct StorePaths: Sendable {
    let root: String
    let run: String
    let images: String

    var database: String { "\(root)/skiff.db" }
    var layers: String { "\(images)/layers" }
    var content: String { "\(images)/content" }
    var staging: String { "\(images)/staging" }
    var trash: String { "\(images)/trash" }
    /// What `check` or the opening of the store found damaged.
    var quarantine: String { "\(images)/quarantine" }
    /// Says which store the images belong to: a disk that is not mounted is not an empty store.
    var identity: String { "\(images)/identity" }
    var containers: String { "\(root)/containers" }
    /// Held exclusively for as long as layers and their rows move in or out, shared while a staging directory is made.
    var lock: String { "\(root)/store.lock" }
    /// Held while the database is opened and brought up to date.
    var openingLock: String { "\(root)/open.lock" }

    /// A layer of each format has its own name: what a pull that died has left is never taken for another format.
    func layer(_ id: Digest, format: String) -> String {
        let suffix = format == DirectoryLayers().name ? "" : ".\(format)"
        return "\(layers)/\(id.algorithm.rawValue)/\(id.hex)\(suffix)"
    }

    func content(_ digest: Digest) -> String { "\(content)/\(digest.algorithm.rawValue)/\(digest.hex)" }
    func container(_ id: String) -> String { "\(containers)/\(id)" }
    func rootfs(_ container: String) -> String { "\(run)/containers/\(container)/rootfs" }
    func volume(_ id: String) -> String { "\(run)/volumes/\(id)" }

    /// Whether the directory of the images is known to some database. The file alone is there too when the first opening
    /// was cut off; then there is nothing else.
    func belongToDatabase() throws(ImageStoreError) -> Bool {
        guard Syscall.exists(identity) else { return false }
        let documents = "\(content)/\(Digest.Algorithm.sha256.rawValue)"
        return try ImageStoreError.attempt("list", documents) { () throws(Errno) in
            try !Syscall.entries(documents).isEmpty
        }
    }

    static func belongsToAnother(_ images: String) -> ImageStoreError {
        ImageStoreError(.io, "open image store", images, "it belongs to another database")
    }

    /// Makes the directories that are missing.
    func prepare() throws(ImageStoreError) {
        let algorithms = Digest.Algorithm.allCases.map(\.rawValue)
        let all =
            [root, images, staging, trash, quarantine, containers]
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
