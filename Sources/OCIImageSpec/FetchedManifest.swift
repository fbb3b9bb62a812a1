// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A manifest or index as it was fetched.
package struct FetchedManifest: Hashable, Sendable {
    /// The bytes, unchanged: the digest is over these.
    package let bytes: [UInt8]
    /// What the bytes are.
    package let mediaType: MediaType
    /// The digest of the bytes.
    package let digest: Digest

    /// The parsed document.
    package enum Document: Hashable, Sendable {
        case manifest(Manifest)
        case index(Index)
    }

    /// From fetched bytes and the type their source states, if it states one.
    ///
    /// The type is settled once, here: the stated one, the one in the document and the document's shape must agree,
    /// so that no two readers see different things in the same bytes (CVE-2021-41190). Throws `.invalid` when they do
    /// not, `.unsupported` on schema 1 and on documents that are neither manifest nor index, `.tooLarge`.
    package init(
        bytes: [UInt8], statedType: MediaType?, algorithm: Digest.Algorithm = .sha256, subject: String
    ) throws(ImageSpecError) {
        let operation = "parse manifest"
        let shape = try decodeDocument(Shape.self, bytes, operation, subject)
        self.mediaType = try shape.type(statedType: statedType, operation, subject)
        self.bytes = bytes
        self.digest = Digest(of: bytes, algorithm)
    }

    /// Parses the bytes. Throws `.invalid` or `.unsupported`.
    package func document() throws(ImageSpecError) -> Document {
        mediaType.kind == .index
            ? .index(try Index(parsing: bytes, subject: digest.description))
            : .manifest(try Manifest(parsing: bytes, subject: digest.description))
    }

    /// The descriptor of these bytes.
    package var descriptor: Descriptor {
        Descriptor(mediaType: mediaType, digest: digest, size: Int64(bytes.count))
    }
}

/// The fields that tell manifest, index and schema 1 apart.
private struct Shape: Decodable {
    var schemaVersion: Int?
    var mediaType: MediaType?
    var config: Present?
    var layers: Present?
    var manifests: Present?
    var fsLayers: Present?

    /// Any value.
    struct Present: Decodable {
        init(from decoder: any Decoder) {}
    }

    func type(statedType: MediaType?, _ operation: String, _ subject: String) throws(ImageSpecError) -> MediaType {
        func fault(_ code: ImageSpecError.Code, _ reason: String) -> ImageSpecError {
            ImageSpecError(code, operation, subject, reason)
        }
        if schemaVersion == 1 || fsLayers != nil || statedType?.kind == .schema1 || mediaType?.kind == .schema1 {
            throw fault(.unsupported, "Docker schema 1 manifests are not supported; push the image again")
        }
        let isIndex = manifests != nil
        let isManifest = config != nil || layers != nil
        guard isIndex != isManifest else {
            throw isIndex
                ? fault(.invalid, "it is both manifest and index") : fault(.invalid, "it is neither manifest nor index")
        }
        // Servers of plain files state application/json, text/plain or nothing: only a type that is known counts.
        let stated = statedType.flatMap { $0.kind == .unknown ? nil : $0 }
        if let stated, let mediaType, stated != mediaType {
            throw fault(
                .invalid,
                "served as \(QuotedText.line(stated.rawValue)) but says \(QuotedText.line(mediaType.rawValue))"
            )
        }
        let type = mediaType ?? stated ?? (isIndex ? .imageIndex : .imageManifest)
        switch type.kind {
        case .index where isIndex, .manifest where isManifest: return type
        case .unknown: throw fault(.unsupported, "the type \(QuotedText.line(type.rawValue)) is not supported")
        default: throw fault(.invalid, "its fields do not fit its type \(QuotedText.line(type.rawValue))")
        }
    }
}
