// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials
internal import OCIImageSpec

/// What was signed: that this digest may be called by this name. Source: containers-signature(5).
struct SignaturePayload: Decodable {
    struct Critical: Decodable {
        struct Image: Decodable {
            var digest: String

            enum CodingKeys: String, CodingKey { case digest = "docker-manifest-digest" }
        }

        struct Identity: Decodable {
            var reference: String

            enum CodingKeys: String, CodingKey { case reference = "docker-reference" }
        }

        var type: String
        var image: Image
        var identity: Identity
    }

    private var critical: Critical

    /// Whether the payload is of the type and for one of the digests and for the name; otherwise why not.
    static func fault(
        _ bytes: [UInt8], type: String, _ digests: [Digest], _ reference: Reference, _ identity: SignedIdentity
    ) -> String? {
        // Its content is from outside, and of no interest if it is none.
        guard let payload = try? JSONDecoder().decode(Self.self, from: Data(bytes)) else {
            return "what was signed is no payload"
        }
        guard payload.critical.type == type else { return "what was signed is of another type" }
        guard digests.contains(where: { $0.description == payload.critical.image.digest }) else {
            return "it is for another digest"
        }
        let signed = payload.critical.identity.reference
        guard identity.accepts(signed, for: reference) else {
            return "it is for the name \(QuotedText.line(signed))"
        }
        return nil
    }
}

extension SignedIdentity {
    /// Whether a signature for the name `signed` vouches for `reference`.
    func accepts(_ signed: String, for reference: Reference) -> Bool {
        guard let name = try? Reference(parsing: signed), Reference.namesRegistry(signed) || name.domain == "docker.io"
        else { return false }
        switch self {
        case .matchRepoDigestOrExact:
            return reference.digest != nil ? name.repository == reference.repository : Self.isSame(name, reference)
        case .matchExact:
            return reference.digest == nil && Self.isSame(name, reference)
        case .matchRepository:
            return name.repository == reference.repository
        case .exactReference(let wanted):
            return (try? Reference(parsing: wanted)).map { Self.isSame(name, $0) } ?? false
        case .exactRepository(let wanted):
            return (try? Reference(parsing: wanted)).map { $0.repository == name.repository } ?? false
        case .remapIdentity(let prefix, let signedPrefix):
            let full = reference.description
            guard full.hasPrefix(prefix) else {
                return SignedIdentity.matchRepoDigestOrExact.accepts(signed, for: reference)
            }
            let rest = full.dropFirst(prefix.count)
            guard rest.isEmpty || ":/@".contains(rest[rest.startIndex]),
                let remapped = try? Reference(parsing: signedPrefix + rest)
            else { return false }
            return SignedIdentity.matchRepoDigestOrExact.accepts(signed, for: remapped)
        }
    }

    private static func isSame(_ name: Reference, _ other: Reference) -> Bool {
        name.repository == other.repository && name.tag == other.tag && name.digest == other.digest
    }
}
