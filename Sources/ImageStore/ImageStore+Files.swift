// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
package import OCIImageSpec
internal import Synchronization

extension ImageStore {
    /// The manifest that the image was pulled by last.
    package func manifest(of image: Image) throws -> Manifest {
        try Manifest(parsing: content(image.manifest), subject: image.manifest.description)
    }

    /// The annotations of an image's manifest, which is read for the first who asks.
    package func annotations(of image: Image) throws -> [String: String] {
        if let known = knownAnnotations(of: image) { return known }
        let annotations = try manifest(of: image).annotations ?? [:]
        manifestAnnotations.withLock { $0[image.id] = (image.manifest, annotations) }
        return annotations
    }

    /// The same where somebody has asked before; does not block.
    package func knownAnnotations(of image: Image) -> [String: String]? {
        manifestAnnotations.withLock { $0[image.id] }.flatMap { $0.manifest == image.manifest ? $0.annotations : nil }
    }

    /// A file of an image, which no link may lead to; nil where there is none. Throws for more than `limit` bytes. Blocks.
    package func file(_ path: String, of image: Digest, limit: Int) throws -> [UInt8]? {
        try withTree(of: image) { tree in
            try ImageStoreError.attempt("read of image \(image) the file", path) { () throws(Errno) -> [UInt8]? in
                let root = SafeRoot(adopting: try Syscall.open(".", [.path, .directory], at: tree))
                do throws(Errno) {
                    let file = try root.openLiterally(path, [.readOnly, .nonblocking])
                    guard try file.status().kind == .regular else { throw .EINVAL }
                    return try file.readAll(limit: limit)
                } catch .ENOENT { return nil }
            }
        }
    }

    /// The first file of an artifact; nil where it has none. As `file` otherwise.
    package func firstFile(of artifact: Image, limit: Int) throws -> [UInt8]? {
        guard let blob = try manifest(of: artifact).layers.first else { return nil }
        let place = try ArtifactFile(blob, of: artifact.id.description).path.joined(separator: "/")
        return try file(place, of: artifact.id, limit: limit)
    }
}
