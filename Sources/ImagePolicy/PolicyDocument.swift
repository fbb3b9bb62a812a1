// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials

/// The form of policy.json. Unknown keys and wrong values make the whole file unusable: what is meant as a restriction must
/// not be passed over. Source: containers-policy.json(5).
struct PolicyDocument: Decodable {
    var fallback: [PolicyRequirement]
    var transports: [String: [String: [PolicyRequirement]]]

    init(from decoder: any Decoder) throws {
        let container = try decoder.strict(["default", "transports"])
        fallback = try Self.requirements(container, "default")
        transports = [:]
        guard container.contains(AnyKey("transports")) else { return }
        let names = try container.nestedContainer(keyedBy: AnyKey.self, forKey: AnyKey("transports"))
        for name in names.allKeys {
            let scopes = try names.nestedContainer(keyedBy: AnyKey.self, forKey: name)
            for scope in scopes.allKeys {
                transports[name.stringValue, default: [:]][scope.stringValue] = try Self.requirements(
                    scopes, scope.stringValue)
            }
        }
    }

    private static func requirements(
        _ container: KeyedDecodingContainer<AnyKey>, _ key: String
    ) throws -> [PolicyRequirement] {
        let list = try container.decode([PolicyRequirement].self, forKey: AnyKey(key))
        guard !list.isEmpty else { throw container.fault("\"\(key)\" has no requirement") }
        return list
    }
}

extension PolicyRequirement: Decodable {
    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: AnyKey.self)
        let type = try container.decode(String.self, forKey: AnyKey("type"))
        switch type {
        case "insecureAcceptAnything":
            _ = try decoder.strict(["type"])
            self = .insecureAcceptAnything
        case "reject":
            _ = try decoder.strict(["type"])
            self = .reject
        case "signedBy":
            let strict = try decoder.strict(["type", "keyType", "keyPath", "keyPaths", "keyData", "signedIdentity"])
            let keyType = try strict.decode(String.self, forKey: AnyKey("keyType"))
            let identity = try strict.identity()
            let keys = try strict.keys()
            self =
                keyType == "GPGKeys"
                ? .signedBy(keys: keys, identity: identity) : .unsupported("signedBy with keyType \"\(keyType)\"")
        case "sigstoreSigned":
            self = try Self.sigstore(decoder)
        default:
            throw container.fault("unknown type of requirement \"\(type)\"")
        }
    }

    private static func sigstore(_ decoder: any Decoder) throws -> PolicyRequirement {
        let strict = try decoder.strict([
            "type", "keyPath", "keyPaths", "keyData", "keyDatas", "fulcio", "pki", "rekorPublicKeyPath",
            "rekorPublicKeyPaths", "rekorPublicKeyData", "rekorPublicKeyDatas", "signedIdentity",
        ])
        let identity = try strict.identity()
        let others = strict.allKeys.map(\.stringValue).filter { $0 == "fulcio" || $0 == "pki" || $0.hasPrefix("rekor") }
        if let other = others.min() { return .unsupported("sigstoreSigned with \"\(other)\"") }
        return .sigstoreSigned(keys: try strict.keys(), identity: identity)
    }
}

extension SignedIdentity: Decodable {
    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: AnyKey.self)
        let type = try container.decode(String.self, forKey: AnyKey("type"))
        func text(_ key: String) throws -> String { try container.decode(String.self, forKey: AnyKey(key)) }
        switch type {
        case "matchRepoDigestOrExact", "matchExact", "matchRepository":
            _ = try decoder.strict(["type"])
            self =
                type == "matchExact"
                ? .matchExact : type == "matchRepository" ? .matchRepository : .matchRepoDigestOrExact
        case "exactReference":
            _ = try decoder.strict(["type", "dockerReference"])
            self = .exactReference(try text("dockerReference"))
        case "exactRepository":
            _ = try decoder.strict(["type", "dockerRepository"])
            self = .exactRepository(try text("dockerRepository"))
        case "remapIdentity":
            _ = try decoder.strict(["type", "prefix", "signedPrefix"])
            self = .remapIdentity(prefix: try text("prefix"), signedPrefix: try text("signedPrefix"))
        default:
            throw container.fault("unknown type of signedIdentity \"\(type)\"")
        }
    }
}

extension KeyedDecodingContainer<AnyKey> {
    fileprivate func identity() throws -> SignedIdentity {
        try decodeIfPresent(SignedIdentity.self, forKey: AnyKey("signedIdentity")) ?? .matchRepoDigestOrExact
    }

    /// Exactly one of the ways to name keys.
    fileprivate func keys() throws -> [PolicyKey] {
        var ways: [[PolicyKey]] = []
        func data(_ text: String) throws -> PolicyKey {
            guard let data = Data(base64Encoded: text) else { throw fault("a key is not base64") }
            return .data(Array(data))
        }
        if let path = try decodeIfPresent(String.self, forKey: AnyKey("keyPath")) { ways.append([.file(path)]) }
        if let paths = try decodeIfPresent([String].self, forKey: AnyKey("keyPaths")) {
            ways.append(paths.map { .file($0) })
        }
        if let text = try decodeIfPresent(String.self, forKey: AnyKey("keyData")) { ways.append([try data(text)]) }
        if let texts = try decodeIfPresent([String].self, forKey: AnyKey("keyDatas")) {
            ways.append(try texts.map(data))
        }
        guard ways.count == 1, let keys = ways.first, !keys.isEmpty else {
            throw fault("exactly one of keyPath, keyPaths, keyData and keyDatas must name keys")
        }
        return keys
    }

    fileprivate func fault(_ reason: String) -> DecodingError {
        .dataCorrupted(DecodingError.Context(codingPath: codingPath, debugDescription: reason))
    }
}

extension Decoder {
    /// The object, which may have no other keys than these.
    fileprivate func strict(_ keys: Set<String>) throws -> KeyedDecodingContainer<AnyKey> {
        let container = try container(keyedBy: AnyKey.self)
        if let unknown = container.allKeys.map(\.stringValue).filter({ !keys.contains($0) }).min() {
            throw container.fault("unknown key \"\(unknown)\"")
        }
        return container
    }
}

/// Any name of a member.
private struct AnyKey: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }

    init(_ text: String) { stringValue = text }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}
