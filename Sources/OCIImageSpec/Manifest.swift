// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// An image manifest, OCI or Docker schema 2. The bytes that were fetched stay the truth: this is never re-encoded to
/// compute a digest. Source: image-spec, manifest.md.
package struct Manifest: Codable, Hashable, Sendable {
    /// Always 2.
    package var schemaVersion: Int
    /// The type the document states about itself.
    package var mediaType: MediaType?
    /// The type of an artifact.
    package var artifactType: MediaType?
    /// The configuration.
    package var config: Descriptor
    /// The layers, lowest first.
    package var layers: [Descriptor]
    /// The manifest this one refers to.
    package var subject: Descriptor?
    /// Free labels.
    package var annotations: [String: String]?

    /// A manifest of the given parts.
    package init(
        mediaType: MediaType? = .imageManifest, artifactType: MediaType? = nil, config: Descriptor,
        layers: [Descriptor], subject: Descriptor? = nil, annotations: [String: String]? = nil
    ) {
        self.schemaVersion = 2
        self.mediaType = mediaType
        self.artifactType = artifactType
        self.config = config
        self.layers = layers
        self.subject = subject
        self.annotations = annotations
    }

    /// Whether this is not an image but something else that registries keep: its configuration is no image's.
    package var isArtifact: Bool { config.mediaType.kind != .config }

    /// What an artifact is. Source: image-spec, manifest.md, "Guidelines for Artifact Usage".
    package var type: MediaType { artifactType ?? config.mediaType }

    /// Parses a manifest; `subject` names it in errors. Throws `.invalid`, `.tooLarge`, `.unsupported`.
    package init(parsing bytes: [UInt8], subject: String) throws(ImageSpecError) {
        let operation = "parse manifest"
        self = try decodeDocument(Manifest.self, bytes, operation, subject)
        guard schemaVersion == 2 else {
            throw ImageSpecError(.unsupported, operation, subject, "schemaVersion \(schemaVersion)")
        }
        guard ([config] + layers).totalSize != nil else {
            throw ImageSpecError(.invalid, operation, subject, "a size is negative or the sizes overflow")
        }
    }

    /// Like the synthesised one, but takes `"layers": null`, which Go programs write for an empty list.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        schemaVersion = try container.decode(Int.self, forKey: .schemaVersion)
        mediaType = try container.decodeIfPresent(MediaType.self, forKey: .mediaType)
        artifactType = try container.decodeIfPresent(MediaType.self, forKey: .artifactType)
        config = try container.decode(Descriptor.self, forKey: .config)
        layers = try container.decode([Descriptor]?.self, forKey: .layers) ?? []
        subject = try container.decodeIfPresent(Descriptor.self, forKey: .subject)
        annotations = try container.decodeIfPresent([String: String].self, forKey: .annotations)
    }
}
