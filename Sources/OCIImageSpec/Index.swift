// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// An image index or Docker manifest list. Source: image-spec, image-index.md.
package struct Index: Codable, Hashable, Sendable {
    /// Always 2.
    package var schemaVersion: Int
    /// The type the document states about itself.
    package var mediaType: MediaType?
    /// The type of an artifact.
    package var artifactType: MediaType?
    /// The entries: manifests, nested indexes, attestations, anything. Choose with `Platform.best(of:)`.
    package var manifests: [Descriptor]
    /// The manifest this one refers to.
    package var subject: Descriptor?
    /// Free labels.
    package var annotations: [String: String]?

    /// An index of the given parts.
    package init(
        mediaType: MediaType? = .imageIndex, artifactType: MediaType? = nil, manifests: [Descriptor],
        subject: Descriptor? = nil, annotations: [String: String]? = nil
    ) {
        self.schemaVersion = 2
        self.mediaType = mediaType
        self.artifactType = artifactType
        self.manifests = manifests
        self.subject = subject
        self.annotations = annotations
    }

    /// Parses an index; `subject` names it in errors. Throws `.invalid`, `.tooLarge`, `.unsupported`.
    package init(parsing bytes: [UInt8], subject: String) throws(ImageSpecError) {
        let operation = "parse index"
        self = try decodeDocument(Index.self, bytes, operation, subject)
        guard schemaVersion == 2 else {
            throw ImageSpecError(.unsupported, operation, subject, "schemaVersion \(schemaVersion)")
        }
        guard manifests.allSatisfy({ $0.size >= 0 }) else {
            throw ImageSpecError(.invalid, operation, subject, "a size is negative")
        }
    }

    /// Like the synthesised one, but takes `"manifests": null`, which Go programs write for an empty list.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        schemaVersion = try container.decode(Int.self, forKey: .schemaVersion)
        mediaType = try container.decodeIfPresent(MediaType.self, forKey: .mediaType)
        artifactType = try container.decodeIfPresent(MediaType.self, forKey: .artifactType)
        manifests = try container.decode([Descriptor]?.self, forKey: .manifests) ?? []
        subject = try container.decodeIfPresent(Descriptor.self, forKey: .subject)
        annotations = try container.decodeIfPresent([String: String].self, forKey: .annotations)
    }
}
