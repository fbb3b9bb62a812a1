// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// Writes OCI image layouts, right ones and wrong ones.
package struct LayoutBuilder {
    /// The directory of the layout.
    package let path: String
    private var entries: [String] = []
    /// By which all content is named: `sha256` or `sha512`.
    private let algorithm: String

    /// A descriptor as JSON: `"mediaType":..., "digest":..., "size":...`.
    package struct Entry {
        package var mediaType: String
        package var digest: String
        package var size: Int
        package var extra = ""
        package var json: String {
            "{\"mediaType\":\"\(mediaType)\",\"digest\":\"\(digest)\",\"size\":\(size)\(extra)}"
        }
    }

    /// How a layer is packed, and what is claimed about it.
    package struct Layer {
        package var tar: [UInt8]
        /// `gzip`, `zstd`, or nil for a plain tar.
        package var compression: String? = "gzip"
        package var mediaType = "application/vnd.oci.image.layer.v1.tar+gzip"
        /// In place of the true one.
        package var diffID: String?
        /// In place of the true one.
        package var digest: String?
        /// Bytes cut off at the end of the blob.
        package var truncated = 0
        /// The name of a file of an artifact.
        package var title: String?

        package init(
            _ tar: TarBuilder, compression: String? = "gzip",
            mediaType: String = "application/vnd.oci.image.layer.v1.tar+gzip", diffID: String? = nil,
            digest: String? = nil, truncated: Int = 0
        ) {
            self.tar = tar.finished
            self.compression = compression
            self.mediaType = mediaType
            self.diffID = diffID
            self.digest = digest
            self.truncated = truncated
        }

        /// A blob of an artifact.
        package init(file: [UInt8], title: String?, mediaType: String = "application/vnd.example.file") {
            self.init(TarBuilder(), compression: nil, mediaType: mediaType)
            tar = file
            self.title = title
        }
    }

    /// An empty layout.
    package init(_ path: String, algorithm: String = "sha256") throws {
        self.path = path
        self.algorithm = algorithm
        try Syscall.makeDirectories("\(path)/blobs/\(algorithm)")
        try AtomicFile.write("\(path)/oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}")
        try writeIndex()
    }

    /// Adds an image, and an entry for it to the index when it gets a tag.
    @discardableResult
    package mutating func add(
        _ layers: [Layer], tag: String? = "latest", architecture: String = "amd64", docker: Bool = false,
        command: String = "/bin/sh", createdBy: String? = nil, extraDiffIDs: [String] = [],
        configType: String = "application/vnd.oci.image.config.v1+json"
    ) throws -> Entry {
        var diffIDs: [String] = []
        var blobs: [String] = []
        for layer in layers {
            diffIDs.append(try layer.diffID ?? digest(layer.tar))
            let packed = try Self.pack(layer.tar, layer.compression)
            var entry = try blob(Array(packed.dropLast(layer.truncated)), layer.mediaType)
            if layer.truncated > 0 {
                let whole = try digest(packed)
                try Syscall.rename(file(entry.digest), file(whole))
                entry.digest = whole
                entry.size = packed.count
            }
            if let digest = layer.digest {
                try Syscall.rename(file(entry.digest), file(digest))
                entry.digest = digest
            }
            if let title = layer.title {
                entry.extra = ",\"annotations\":{\"org.opencontainers.image.title\":\"\(title)\"}"
            }
            blobs.append(entry.json)
        }
        // Of each layer.
        let steps = layers.compactMap { _ in createdBy.map { "{\"created_by\":\"\($0)\"}" } }
        let history = steps.isEmpty ? "" : "\"history\":[\(steps.joined(separator: ","))],"
        let quoted = (diffIDs + extraDiffIDs).map { "\"\($0)\"" }.joined(separator: ",")
        let config = try blob(
            Array(
                """
                {"architecture":"\(architecture)","os":"linux","config":{"Cmd":["\(command)"]},\(history)\
                "rootfs":{"type":"layers","diff_ids":[\(quoted)]}}
                """.utf8),
            docker ? "application/vnd.docker.container.image.v1+json" : configType)
        let type =
            docker
            ? "application/vnd.docker.distribution.manifest.v2+json" : "application/vnd.oci.image.manifest.v1+json"
        var manifest = try blob(
            Array(
                """
                {"schemaVersion":2,"mediaType":"\(type)","config":\(config.json),\
                "layers":[\(blobs.joined(separator: ","))]}
                """.utf8), type)
        manifest.extra = ",\"platform\":{\"os\":\"linux\",\"architecture\":\"\(architecture)\"}"
        if let tag { try addToIndex(manifest, tag) }
        return manifest
    }

    /// Adds an index over images.
    @discardableResult
    package mutating func addIndex(_ images: [Entry], tag: String) throws -> Entry {
        let type = "application/vnd.oci.image.index.v1+json"
        let list = images.map(\.json).joined(separator: ",")
        let index = try blob(
            Array("{\"schemaVersion\":2,\"mediaType\":\"\(type)\",\"manifests\":[\(list)]}".utf8), type)
        try addToIndex(index, tag)
        return index
    }

    /// The file of a blob.
    package func file(_ digest: String) -> String { "\(path)/blobs/\(algorithm)/\(digest.dropFirst("sha256:".count))" }

    private mutating func addToIndex(_ entry: Entry, _ tag: String) throws {
        var entry = entry
        entry.extra += ",\"annotations\":{\"org.opencontainers.image.ref.name\":\"\(tag)\"}"
        entries.append(entry.json)
        try writeIndex()
    }

    private func writeIndex() throws {
        try AtomicFile.write(
            "\(path)/index.json", "{\"schemaVersion\":2,\"manifests\":[\(entries.joined(separator: ","))]}")
    }

    private func blob(_ bytes: [UInt8], _ mediaType: String) throws -> Entry {
        let digest = try digest(bytes)
        try AtomicFile.write(file(digest), bytes)
        return Entry(mediaType: mediaType, digest: digest, size: bytes.count)
    }

    /// By the program of the coreutils: an independent opinion.
    private func digest(_ bytes: [UInt8]) throws -> String {
        try Self.withFile(bytes) { file in
            "\(algorithm):" + String(try Command.run(["/usr/bin/\(algorithm)sum", file]).prefix { $0 != " " })
        }
    }

    private static func pack(_ bytes: [UInt8], _ program: String?) throws -> [UInt8] {
        guard let program else { return bytes }
        return try withFile(bytes) {
            try Command.run(["/bin/sh", "-c", "\(program) -c \($0) > \($0).out"])
            return try Syscall.readFile("\($0).out")
        }
    }

    private static func withFile<Value>(_ bytes: [UInt8], _ body: (String) throws -> Value) throws -> Value {
        let folder = try TemporaryDirectory()
        try AtomicFile.write("\(folder.path)/bytes", bytes)
        return try body("\(folder.path)/bytes")
    }
}
