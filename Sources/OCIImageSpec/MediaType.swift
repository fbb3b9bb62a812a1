// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// The type of a document or blob, as its descriptor or the registry states it.
///
/// OCI types and their Docker schema 2 twins have the same `kind`; whoever needs the exact text has `rawValue`.
/// Source: image-spec, media-types.md; distribution, manifest-v2-2.md.
package struct MediaType: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The text exactly as stated.
    package let rawValue: String

    /// Any text; one that is not known has the kind `.unknown`.
    package init(rawValue: String) {
        self.rawValue = rawValue
    }

    /// From a `Content-Type` header: without parameters, in lower case.
    package init(header: String) {
        let bare = header.prefix { $0 != ";" }
        let text = bare.drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" }
        self.init(rawValue: text.lowercased())
    }

    /// The text exactly as stated.
    package var description: String { rawValue }

    /// What a thing of this type is to a container engine.
    package enum Kind: Hashable, Sendable {
        /// An image manifest: one configuration, some layers.
        case manifest
        /// An index or manifest list: one entry per platform.
        case index
        /// The configuration of an image.
        case config
        /// A layer. The compression is only what the type claims: registries lie, so look at the first bytes.
        case layer(Compression)
        /// A Docker schema 1 manifest, which is refused.
        case schema1
        /// Anything else: artifacts, encrypted layers, new types.
        case unknown
    }

    /// What a layer type claims about its bytes.
    package enum Compression: Hashable, Sendable {
        case none
        case gzip
        case zstd
    }

    /// What a thing of this type is.
    package var kind: Kind { Self.kinds[self] ?? .unknown }

    /// Whether layers of this type are to be had from their maker and not from registries; deprecated.
    package var isForeign: Bool {
        [
            .nondistributable, .nondistributableGzip, .nondistributableZstd, .dockerForeignLayer,
            .dockerForeignLayerGzip,
        ].contains(self)
    }

    /// All manifest types asked for, best first. Schema 1 is among them only so that the registry hands it over and
    /// the error can say what it is.
    package static let accepted: [MediaType] = [
        .imageManifest, .imageIndex, .dockerManifest, .dockerManifestList, .dockerSchema1Signed, .dockerSchema1,
    ]

    private static let kinds: [MediaType: Kind] = [
        .imageManifest: .manifest, .dockerManifest: .manifest,
        .imageIndex: .index, .dockerManifestList: .index,
        .imageConfig: .config, .dockerConfig: .config,
        .layer: .layer(.none), .layerGzip: .layer(.gzip), .layerZstd: .layer(.zstd),
        .nondistributable: .layer(.none), .nondistributableGzip: .layer(.gzip), .nondistributableZstd: .layer(.zstd),
        .dockerLayer: .layer(.none), .dockerLayerGzip: .layer(.gzip), .dockerLayerZstd: .layer(.zstd),
        .dockerForeignLayer: .layer(.none), .dockerForeignLayerGzip: .layer(.gzip),
        .dockerSchema1: .schema1, .dockerSchema1Signed: .schema1,
    ]
}

extension MediaType {
    private static let oci = "application/vnd.oci.image."
    private static let docker = "application/vnd.docker."

    /// OCI image manifest.
    package static let imageManifest = MediaType(rawValue: oci + "manifest.v1+json")
    /// OCI image index.
    package static let imageIndex = MediaType(rawValue: oci + "index.v1+json")
    /// OCI image configuration.
    package static let imageConfig = MediaType(rawValue: oci + "config.v1+json")
    /// OCI layer, plain tar.
    package static let layer = MediaType(rawValue: oci + "layer.v1.tar")
    /// OCI layer, gzip.
    package static let layerGzip = MediaType(rawValue: oci + "layer.v1.tar+gzip")
    /// OCI layer, zstd.
    package static let layerZstd = MediaType(rawValue: oci + "layer.v1.tar+zstd")
    /// OCI layer that is not pushed, plain tar; deprecated.
    package static let nondistributable = MediaType(rawValue: oci + "layer.nondistributable.v1.tar")
    /// OCI layer that is not pushed, gzip; deprecated.
    package static let nondistributableGzip = MediaType(rawValue: oci + "layer.nondistributable.v1.tar+gzip")
    /// OCI layer that is not pushed, zstd; deprecated.
    package static let nondistributableZstd = MediaType(rawValue: oci + "layer.nondistributable.v1.tar+zstd")

    /// Docker schema 2 manifest.
    package static let dockerManifest = MediaType(rawValue: docker + "distribution.manifest.v2+json")
    /// Docker manifest list.
    package static let dockerManifestList = MediaType(rawValue: docker + "distribution.manifest.list.v2+json")
    /// Docker image configuration.
    package static let dockerConfig = MediaType(rawValue: docker + "container.image.v1+json")
    /// Docker layer, plain tar.
    package static let dockerLayer = MediaType(rawValue: docker + "image.rootfs.diff.tar")
    /// Docker layer, gzip.
    package static let dockerLayerGzip = MediaType(rawValue: docker + "image.rootfs.diff.tar.gzip")
    /// Docker layer, zstd: no standard, but seen in the wild.
    package static let dockerLayerZstd = MediaType(rawValue: docker + "image.rootfs.diff.tar.zstd")
    /// Docker layer that is not pushed, plain tar.
    package static let dockerForeignLayer = MediaType(rawValue: docker + "image.rootfs.foreign.diff.tar")
    /// Docker layer that is not pushed, gzip.
    package static let dockerForeignLayerGzip = MediaType(rawValue: docker + "image.rootfs.foreign.diff.tar.gzip")
    /// Docker schema 1 manifest.
    package static let dockerSchema1 = MediaType(rawValue: docker + "distribution.manifest.v1+json")
    /// Docker schema 1 manifest with signatures.
    package static let dockerSchema1Signed = MediaType(rawValue: docker + "distribution.manifest.v1+prettyjws")
}

extension MediaType: Codable {
    /// From a JSON string.
    package init(from decoder: any Decoder) throws {
        self.init(rawValue: try decoder.singleValueContainer().decode(String.self))
    }

    /// To a JSON string.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
}
