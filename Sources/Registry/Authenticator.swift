// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials
internal import NIOHTTP1
internal import OCIImageSpec

/// The `Authorization` header for one repository of one registry.
struct Authenticator: Sendable {
    let host: RegistryHost
    let credentials: RegistryCredentials?
    /// `repository:library/busybox:pull`
    let scope: String

    /// The header's value that answers the challenges best, or nil when nothing is asked for or nothing can be said.
    ///
    /// The scope that a challenge states counts, beside our own, only when a request of ours was refused: answers to a
    /// ping state an example, or another repository's.
    func authorization(
        _ challenges: [Challenge], _ otherScopes: [String] = [], isRefused: Bool = false
    ) async throws -> String? {
        if case .registryToken(let token) = credentials { return "Bearer \(token)" }
        if let bearer = challenges.first(where: { $0.scheme == "bearer" }) {
            var scopes = [scope] + otherScopes
            let stated = isRefused ? bearer.parameters["scope"]?.split(separator: " ").map(String.init) ?? [] : []
            for scope in stated where !scopes.contains(scope) { scopes.append(scope) }
            let scope = scopes.joined(separator: " ")
            let key = RegistryHost.TokenKey(scope: scope, credentials: credentials)
            let token = try await host.token(key) { try await fetchToken(bearer, scope) }
            return "Bearer \(token.text)"
        }
        if challenges.contains(where: { $0.scheme == "basic" }) { return basic }
        return nil
    }

    /// Drops a token that was refused.
    func forget(_ authorization: String?) {
        if let authorization, authorization.hasPrefix("Bearer ") { host.forget(String(authorization.dropFirst(7))) }
    }

    private var basic: String? {
        guard case .password(let user, let password) = credentials else { return nil }
        return "Basic \(Data("\(user):\(password)".utf8).base64EncodedString())"
    }

    private func fetchToken(_ challenge: Challenge, _ scope: String) async throws -> Token {
        do {
            return try await host.connections.retrying {
                let answer = try await host.connections.send(try request(challenge, scope))
                guard answer.status == .ok else { throw try await host.connections.failure(answer) }
                let received = ContinuousClock.now
                return try Token(parsing: try await host.connections.body(answer, limit: 1 << 20), received: received)
            }
        } catch let failure as RequestFailure {
            throw failure.during("obtain a token")
        }
    }

    /// GET with the scope as query; POST when there is an identity token, which must not be in a URL.
    private func request(_ challenge: Challenge, _ scope: String) throws -> HTTPConnections.Request {
        guard let realm = challenge.parameters["realm"], let realmURL = URL(string: realm), realmURL.host != nil,
            realmURL.scheme == "https" || (realmURL.scheme == "http" && host.isInsecure)
        else { throw RequestFailure(.invalid, "the registry names no usable token server") }
        var fields = scope.split(separator: " ").map { ("scope", String($0)) }
        if let service = challenge.parameters["service"] { fields.insert(("service", service), at: 0) }
        if case .identityToken(let secret) = credentials {
            fields += [("grant_type", "refresh_token"), ("client_id", "skiff"), ("refresh_token", secret)]
            return HTTPConnections.Request(
                method: .POST, url: realmURL, headers: ["content-type": "application/x-www-form-urlencoded"],
                body: .bytes(Array(Self.form(fields).utf8)), bodyIsSecret: true, transport: transport(realmURL))
        }
        if case .password(let user, _) = credentials { fields.append(("account", user)) }
        let joint = realm.contains("?") ? "&" : "?"
        guard let url = URL(string: "\(realm)\(joint)\(Self.form(fields))") else {
            throw RequestFailure(.invalid, "the registry names no usable token server")
        }
        return HTTPConnections.Request(url: url, authorization: basic, transport: transport(url))
    }

    /// The registry's own certificates are for the registry: a token server elsewhere does not get to see ours.
    private func transport(_ url: URL) -> Transport {
        var transport = host.transport
        if url.host?.lowercased() != URL(string: "https://\(host.domain)")?.host?.lowercased() {
            transport.certificates.client = nil
        }
        return transport
    }

    /// `name=value&...`, with everything escaped but what RFC 3986 calls unreserved.
    static func form(_ fields: [(String, String)]) -> String {
        fields.map { "\($0.0)=\(escaped($0.1))" }.joined(separator: "&")
    }

    private static func escaped(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF")
        return text.utf8.reduce(into: "") { out, byte in
            let character = Character(UnicodeScalar(byte))
            let isPlain = byte < 0x80 && (character.isLetter || character.isNumber || "-._~".contains(character))
            out += isPlain ? String(character) : "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
        }
    }
}
