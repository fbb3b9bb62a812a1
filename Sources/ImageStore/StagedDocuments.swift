// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import OCIImageSpec

/// The manifest and the configuration of an image that is being pulled. They are written while its layers are still on their
/// way, wait for them, and are flushed when they have their names.
final class StagedDocuments: Sendable {
    let directory: StagingDirectory
    /// By their digests, with their lengths.
    let all: [(digest: Digest, bytes: Int64)]

    /// Writes the documents of the image. Blocks.
    init(of image: ImageResolution, in paths: StorePaths) throws {
        directory = try StagingDirectory(paths)
        let contents = [(image.manifest.digest, image.manifest.bytes), (image.configDigest, image.configBytes)]
        all = contents.map { ($0.0, Int64($0.1.count)) }
        do {
            for (digest, bytes) in contents {
                let path = path(digest)
                try ImageStoreError.attempt("write", path) { () throws(Errno) in
                    let file = try Syscall.open(path, [.writeOnly, .create, .exclusive], mode: 0o600)
                    try file.writeAll(bytes)
                }
            }
        } catch {
            // The first failure is the one to tell.
            try? directory.remove()
            throw error
        }
    }

    func path(_ digest: Digest) -> String { "\(directory.path)/\(digest.hex)" }
}
