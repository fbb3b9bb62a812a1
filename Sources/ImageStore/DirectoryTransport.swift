// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
package import OCIImageSpec

/// An image as plain files in a directory: `manifest.json`, each blob named by the hex of its digest, and of an index each
/// manifest as `<hex>.manifest.json`. Source: containers-transports(5), `dir:`.
package struct DirectorySource: BlobSource {
    private let directory: String

    /// The image in the directory. Throws `.notFound` when there is none.
    package init(directory: String) throws {
        self.directory = directory
        guard Syscall.exists("\(directory)/manifest.json") else {
            throw ImageStoreError(.notFound, "open image directory", directory, "it has no manifest.json")
        }
    }

    /// A tag means nothing here.
    package func manifest(_ selector: ManifestSelector) async throws -> FetchedManifest {
        let main = try await document("\(directory)/manifest.json", algorithm: .sha256)
        guard case .digest(let digest) = selector, main.digest != digest else { return main }
        let found = try await document("\(directory)/\(digest.hex).manifest.json", algorithm: digest.algorithm)
        guard found.digest == digest else {
            throw ImageStoreError(
                .digestMismatch, "read", "\(directory)/\(digest.hex).manifest.json",
                "its content has the digest \(found.digest)")
        }
        return found
    }

    private func document(_ path: String, algorithm: Digest.Algorithm) async throws -> FetchedManifest {
        let bytes = try await BlockingPool.run { () throws in
            try ImageStoreError.attempt("read", path) { () throws(Errno) in
                try Syscall.readFile(path, limit: documentLimit)
            }
        }
        return try FetchedManifest(bytes: bytes, statedType: nil, algorithm: algorithm, subject: path)
    }

    package func blob(_ descriptor: Descriptor, _ body: ([UInt8]) async throws -> Void) async throws {
        try await BlobFile(reading: "\(directory)/\(descriptor.digest.hex)").read(descriptor.size, body)
    }
}

/// Writes what `DirectorySource` reads; the directory is made or must be empty.
package struct DirectoryDestination: ImageDestination {
    private let directory: String
    private let target: UnpackTarget

    package init(directory: String) throws {
        self.directory = directory
        target = try UnpackTarget(directory)
        try ImageStoreError.attempt("write", "\(directory)/version") { () throws(Errno) in
            try AtomicFile.write("\(directory)/version", "Directory Transport Version: 1.1\n")
        }
    }

    package func put(_ descriptor: Descriptor, from source: any BlobSource) async throws -> BlobOutcome {
        let path = "\(directory)/\(descriptor.digest.hex)"
        if let status = try? Syscall.status(path), status.size == descriptor.size { return .present }
        try await source.write(descriptor, to: try await BlobFile(making: path))
        return .stored
    }

    package func put(_ manifest: FetchedManifest, as selector: ManifestSelector) async throws {
        var path = "\(directory)/manifest.json"
        if case .digest(let digest) = selector { path = "\(directory)/\(digest.hex).manifest.json" }
        let target = path
        try await BlockingPool.run { () throws in
            try ImageStoreError.attempt("write", target) { () throws(Errno) in
                try AtomicFile.write(target, manifest.bytes)
            }
        }
    }

    package func finish() async throws {}

    package func abandon() async {
        let target = target
        // The first failure is the one to tell.
        try? await BlockingPool.run { () throws in try target.undo() }
    }
}
