// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A signature as it was found, not yet verified.
package enum ImageSignature: Hashable, Sendable, Codable {
    /// An OpenPGP message that contains its payload.
    case simple([UInt8])
    /// A signature (raw, not base64) beside its payload.
    case sigstore(payload: [UInt8], signature: [UInt8])

    /// What is accepted for one image at most.
    package static let countLimit = 64
    /// Largest signature or payload, in bytes.
    package static let sizeLimit = 1 << 20
    /// The type of an artifact that refers to an image and holds sigstore payloads as its layers.
    package static let sigstoreArtifact = "application/vnd.dev.cosign.artifact.sig.v1+json"
    /// The type of a sigstore payload in the image that carries it.
    package static let sigstoreMediaType = "application/vnd.dev.cosign.simplesigning.v1+json"
    /// Where that image has the signature of a payload, in base64.
    package static let sigstoreAnnotation = "dev.cosignproject.cosign/signature"
}
