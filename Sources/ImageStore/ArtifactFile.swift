// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Archive
internal import Linux
internal import OCIImageSpec

/// A blob of an artifact, which is kept as a layer with one file: just as it is, under the name that its descriptor gives it,
/// else that of its digest. Source: image-spec, annotations.md, `org.opencontainers.image.title`.
struct ArtifactFile: Sendable {
    private static let title = "org.opencontainers.image.title"
    /// Steps of a path.
    private static let depth = 64

    /// The steps from the root of the tree.
    let path: [String]
    let size: Int64

    /// Throws `.invalid` on a title that is no relative path; `name` is the artifact's.
    init(_ blob: Descriptor, of name: String) throws(ImageStoreError) {
        let title = blob.annotations?[Self.title] ?? ""
        size = blob.size
        guard !title.isEmpty else {
            path = [blob.digest.hex]
            return
        }
        path = title.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        // What begins so would delete a file.
        let isClean = path.allSatisfy { step in
            !["", ".", ".."].contains(step) && !step.hasPrefix(".wh.") && step.utf8.count <= 255
        }
        guard isClean, title.utf8.count < 4096, path.count <= Self.depth, !title.utf8.contains(0) else {
            throw ImageStoreError(
                .invalid, "pull image", name,
                "one of its files is called \(QuotedText.line(title)), which is no relative path"
            )
        }
    }

    /// The files of an artifact, in their order. Throws `.invalid` when two have one name, or one is below another.
    static func all(of manifest: Manifest, _ name: String) throws(ImageStoreError) -> [ArtifactFile] {
        var files: [ArtifactFile] = []
        var (taken, directories): (Set<[String]>, Set<[String]>) = ([], [])
        for blob in manifest.layers { files.append(try ArtifactFile(blob, of: name)) }
        for file in files {
            let above = (1..<file.path.count).map { Array(file.path.prefix($0)) }
            directories.formUnion(above)
            let clashes = directories.contains(file.path) || above.contains { taken.contains($0) }
            guard taken.insert(file.path).inserted, !clashes else {
                let path = QuotedText.line(file.path.joined(separator: "/"))
                throw ImageStoreError(.invalid, "pull image", name, "two of its files claim the place \(path)")
            }
        }
        return files
    }

    /// What stands in place of a diffID: the same file under the same name is the same layer.
    func identity(_ blob: Digest) -> Digest {
        Digest(of: Array("artifact file \(blob) \(path.joined(separator: "/"))".utf8))
    }

    /// The content as a tar that also has the directories above it.
    func archive(_ content: any BlockSource) -> any BlockSource {
        var head = TarEntry(.directory, RawName("./")).directoryBytes
        for count in 1..<max(1, path.count) {
            head += TarEntry(.directory, RawName(path.prefix(count).joined(separator: "/") + "/")).directoryBytes
        }
        var file = TarEntry(.regular, RawName(path.joined(separator: "/")))
        file.size = size
        let padding = [UInt8](repeating: 0, count: Int((512 - size % 512) % 512) + 1024)
        return FramedSource(head: head + file.bytes, content, tail: padding)
    }
}

extension TarEntry {
    fileprivate var directoryBytes: [UInt8] {
        var entry = self
        entry.permissions = 0o755
        return entry.bytes
    }
}

/// Bytes, then a stream, then bytes.
private final class FramedSource: BlockSource {
    private let head: MemorySource
    private let content: any BlockSource
    private let tail: MemorySource

    init(head: [UInt8], _ content: any BlockSource, tail: [UInt8]) {
        self.head = MemorySource(head)
        self.content = content
        self.tail = MemorySource(tail)
    }

    func nextBlock() throws -> UnsafeRawBufferPointer {
        for source in [head, content, tail] as [any BlockSource] {
            let block = unsafe try source.nextBlock()
            if block.count > 0 { return unsafe block }
        }
        return unsafe UnsafeRawBufferPointer(start: nil, count: 0)
    }
}
