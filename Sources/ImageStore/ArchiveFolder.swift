// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Archive
internal import Linux
internal import OCIImageSpec

/// The content of a tar file, plain or compressed, in a temporary directory: what is in an archive is not always in the
/// order in which it is read.
package struct ArchiveFolder: Sendable {
    /// The directory. Names in it are a stranger's: they may be links.
    package let path: String

    /// Unpacks the archive into a directory of its own below `parent`. Blocks.
    package init(unpacking archive: String, below parent: String) throws {
        let source = try FileSource(archive)
        path = "\(parent)/skiff-\(randomName())"
        let path = path
        try ImageStoreError.attempt("create directory", path) { () throws(Errno) in
            try Syscall.makeDirectory(path, mode: 0o700)
        }
        do {
            var limits = UnpackLimits()
            // Whoever reads such a name would wait, or read something of the machine.
            limits.allowsNodes = false
            let extractor = try LayerExtractor(into: path, whiteout: .flatten, limits: limits)
            try extractor.take(LayerReader(Decompressor(source, spillingBeside: "\(path)/.")))
            _ = try extractor.finish(above: nil)
        } catch {
            // The first failure is the one to tell.
            try? remove()
            guard let error = error as? ArchiveError else { throw error }
            let code: ImageStoreError.Code = error.code == .noSpace ? .noSpace : .invalid
            throw ImageStoreError(code, "read archive", archive, error.description)
        }
    }

    /// Runs the body, whose errors then name the archive and not the directory, which is gone when they are read.
    package func naming<Value>(_ archive: String, _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch var error as ImageStoreError {
            error.subject = error.subject.replacing(path, with: archive)
            error.reason = error.reason.replacing(path, with: archive)
            throw error
        }
    }

    /// Removes the directory. Blocks.
    package func remove() throws {
        try ImageStoreError.attempt("remove", path) { () throws(Errno) in try Syscall.removeTree(path) }
    }
}
