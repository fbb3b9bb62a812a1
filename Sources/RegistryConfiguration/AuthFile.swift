// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials
internal import OCIImageSpec

/// One file of credentials: containers' auth.json or Docker's config.json, which have the same form.
///
/// Source: containers-auth.json(5); Docker's documentation of `docker login`.
struct AuthFile: Sendable {
    private struct Entry: Decodable {
        var auth: String?
        var username: String?
        var password: String?
        var identityToken: String?
        var registryToken: String?

        enum CodingKeys: String, CodingKey {
            case auth, username, password
            case identityToken = "identitytoken"
            case registryToken = "registrytoken"
        }
    }

    private struct Content: Decodable {
        var auths: [String: Entry]?
        var credHelpers: [String: String]?
        var credsStore: String?
    }

    private let path: String
    private let entries: [String: Entry]
    /// Programs by registry.
    private let helpers: [String: String]
    /// The program for everything.
    let store: String?

    /// Reads the file; nil when there is none. Blocks.
    init?(_ path: String) throws(RegistryConfigurationError) {
        guard let bytes = try ConfigurationText.bytes(path) else { return nil }
        let content: Content
        do {
            // `podman login` begins with an empty file.
            content = bytes.isEmpty ? Content() : try JSONDecoder().decode(Content.self, from: Data(bytes))
        } catch {
            // What is in the file is secret, so nothing of it is told.
            throw .file(path, "not a file of credentials")
        }
        self.path = path
        var entries: [String: Entry] = [:]
        for (key, entry) in content.auths ?? [:] {
            let normal = Self.normal(key)
            // A key in its plain form counts more than one that only comes down to it.
            if normal == key || entries[normal] == nil { entries[normal] = entry }
        }
        self.entries = entries
        helpers = (content.credHelpers ?? [:]).reduce(into: [:]) { $0[Self.normal($1.key)] = $1.value }
        store = content.credsStore.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The program that keeps the credentials of the registry.
    func helper(_ domain: String) -> String? { helpers[domain] }

    /// The credentials of the most specific key: `host/namespace/repository`, `host/namespace`, `host`.
    func credentials(_ domain: String, _ path: String) throws(RegistryConfigurationError) -> RegistryCredentials? {
        var key = "\(domain)/\(path)"
        while true {
            if let entry = entries[key] { return try credentials(entry, key) }
            guard let slash = key.lastIndex(of: "/") else { return nil }
            key = String(key[..<slash])
        }
    }

    private func credentials(_ entry: Entry, _ key: String) throws(RegistryConfigurationError) -> RegistryCredentials? {
        if let token = entry.registryToken, !token.isEmpty { return .registryToken(token) }
        if let token = entry.identityToken, !token.isEmpty { return .identityToken(token) }
        if let user = entry.username, !user.isEmpty { return .password(user: user, password: entry.password ?? "") }
        guard let auth = entry.auth, !auth.isEmpty else { return nil }
        guard let found = RegistryCredentials(basic: auth) else {
            throw .file(path, "\"auth\" of \(QuotedText.line(key)) is not base64 of user:password")
        }
        return found
    }

    /// `https://index.docker.io/v1/` is `docker.io`, `https://quay.io` is `quay.io`.
    private static func normal(_ key: String) -> String {
        var text = key[...]
        let hasScheme = text.hasPrefix("https://") || text.hasPrefix("http://")
        if hasScheme, let range = text.firstRange(of: "://") { text = text[range.upperBound...] }
        while text.hasSuffix("/") { text.removeLast() }
        for suffix in ["/v1", "/v2"] where hasScheme && text.hasSuffix(suffix) { text.removeLast(suffix.count) }
        return ["index.docker.io", "registry-1.docker.io"].contains(text) ? "docker.io" : String(text)
    }
}
