// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Crypto
internal import CryptoExtras
internal import FoundationEssentials
internal import OCIImageSpec

/// Public keys in PEM that sigstore signatures are checked with: ECDSA with SHA-256 over P-256, P-384 and P-521 (`cosign
/// generate-key-pair` makes the first), RSA (PKCS #1 v1.5) with SHA-256, and Ed25519.
struct SigstoreKeys {
    private enum Key {
        case p256(P256.Signing.PublicKey)
        case p384(P384.Signing.PublicKey)
        case p521(P521.Signing.PublicKey)
        case rsa(_RSA.Signing.PublicKey)
        case ed25519(Curve25519.Signing.PublicKey)

        init?(pem: String) {
            // Each kind of key has a form of its own: the first reader that takes it knows what it is.
            if let key = try? P256.Signing.PublicKey(pemRepresentation: pem) {
                self = .p256(key)
            } else if let key = try? P384.Signing.PublicKey(pemRepresentation: pem) {
                self = .p384(key)
            } else if let key = try? P521.Signing.PublicKey(pemRepresentation: pem) {
                self = .p521(key)
            } else if let key = try? _RSA.Signing.PublicKey(pemRepresentation: pem) {
                self = .rsa(key)
            } else if let key = Self.ed25519(pem) {
                self = .ed25519(key)
            } else {
                return nil
            }
        }

        /// The key of `SubjectPublicKeyInfo`, whose head is always the same. Source: RFC 8410, 4.
        private static func ed25519(_ pem: String) -> Curve25519.Signing.PublicKey? {
            let lines = pem.split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("-----") }
            let head: [UInt8] = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00]
            guard let der = Data(base64Encoded: lines.joined()), der.count == 44, der.starts(with: head) else {
                return nil
            }
            return try? Curve25519.Signing.PublicKey(rawRepresentation: der.suffix(32))
        }

        func verify(_ signature: [UInt8], of payload: [UInt8]) -> Bool {
            let hash = SHA256.hash(data: payload)
            // A signature that is not even of the right form verifies nothing.
            switch self {
            case .p256(let key):
                return (try? P256.Signing.ECDSASignature(derRepresentation: signature)).map {
                    key.isValidSignature($0, for: hash)
                } ?? false
            case .p384(let key):
                return (try? P384.Signing.ECDSASignature(derRepresentation: signature)).map {
                    key.isValidSignature($0, for: hash)
                } ?? false
            case .p521(let key):
                return (try? P521.Signing.ECDSASignature(derRepresentation: signature)).map {
                    key.isValidSignature($0, for: hash)
                } ?? false
            case .rsa(let key):
                let signature = _RSA.Signing.RSASignature(rawRepresentation: signature)
                return key.isValidSignature(signature, for: hash, padding: .insecurePKCS1v1_5)
            case .ed25519(let key): return key.isValidSignature(Data(signature), for: Data(payload))
            }
        }
    }

    private let keys: [Key]

    init(keys sources: [PolicyKey]) throws(PolicyError) {
        var keys: [Key] = []
        for source in sources {
            guard let key = Key(pem: String(decoding: try source.content, as: UTF8.self)) else {
                let name = if case .file(let path) = source { path } else { "keyData" }
                throw PolicyError(
                    .unusable, "read key", name,
                    "not a public key in PEM of a kind that is supported (ECDSA, RSA, Ed25519)")
            }
            keys.append(key)
        }
        self.keys = keys
    }

    func verify(_ signature: [UInt8], of payload: [UInt8]) -> Bool {
        keys.contains { $0.verify(signature, of: payload) }
    }
}
