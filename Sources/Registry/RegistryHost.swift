// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials
internal import NIOHTTP1
internal import OCIImageSpec
internal import Synchronization

/// What is known of one registry: how it is reached, how it wants to be authenticated against, and tokens.
final class RegistryHost: Sendable {
    /// How a registry is reached.
    struct Endpoint: Sendable {
        /// `https://registry-1.docker.io`
        var base: URL
        var challenges: [Challenge]
    }

    /// A token is good for one scope of one identity.
    struct TokenKey: Hashable, Sendable {
        var scope: String
        var credentials: RegistryCredentials?
    }

    private struct State {
        var endpoint: Endpoint?
        var tokens: [TokenKey: Token] = [:]
    }

    let domain: String
    let transport: Transport
    let connections: HTTPConnections
    /// Blobs that are received at the same time.
    let downloads: Permits
    private let state = Mutex(State())
    private let pings = SingleFlight<String, Endpoint>()
    private let tokenFetches = SingleFlight<TokenKey, Token>()

    init(_ location: RegistryLocation, connections: HTTPConnections, _ settings: RegistrySettings) {
        domain = location.domain
        transport = Transport(verifiesCertificate: !location.isInsecure, certificates: location.certificates)
        self.connections = connections
        downloads = Permits(settings.downloadsPerRegistry)
    }

    var isInsecure: Bool { !transport.verifiesCertificate }

    /// The registry's address and challenges, asked for once.
    func endpoint() async throws -> Endpoint {
        if let known = state.withLock({ $0.endpoint }) { return known }
        return try await pings.value(domain) { [self] in
            let endpoint = try await connections.retrying { try await findEndpoint() }
            state.withLock { $0.endpoint = endpoint }
            return endpoint
        }
    }

    /// Remembers challenges that the ping did not show.
    func learn(_ challenges: [Challenge]) {
        guard !challenges.isEmpty else { return }
        state.withLock { $0.endpoint?.challenges = challenges }
    }

    /// Asks an insecure registry anew next time: it may come back with another scheme.
    func forgetEndpoint() {
        if isInsecure { state.withLock { $0.endpoint = nil } }
    }

    /// A token that is still good, fetched only if need be and only once at a time.
    func token(_ key: TokenKey, _ fetch: @escaping @Sendable () async throws -> Token) async throws -> Token {
        let known = state.withLock { $0.tokens[key] }
        if let known, known.isFresh(at: .now) { return known }
        return try await tokenFetches.value(key) { [self] in
            let token = try await fetch()
            state.withLock { state in
                state.tokens = state.tokens.filter { $0.value.isFresh(at: .now) }
                state.tokens[key] = token
            }
            return token
        }
    }

    /// Drops the token, unless it was replaced in the meantime.
    func forget(_ token: String) {
        state.withLock { state in state.tokens = state.tokens.filter { $0.value.text != token } }
    }

    /// TLS first; plain HTTP only for an insecure registry that does not speak TLS.
    private func findEndpoint() async throws -> Endpoint {
        do {
            return try await ping("https")
        } catch let failure as RequestFailure where isInsecure && failure.status == nil {
            // With a port in its name the registry is the same socket, which has refused already.
            if failure.retry == .refused, hasPort { throw failure }
            return try await ping("http")
        }
    }

    /// Source: distribution-spec, "Determining Support". Everything that is not a temporary fault counts as reached:
    /// if it is no registry, the next request will tell.
    private func ping(_ scheme: String) async throws -> Endpoint {
        let host = domain == "docker.io" ? "registry-1.docker.io" : domain
        guard let base = URL(string: "\(scheme)://\(host)"), let url = URL(string: "\(scheme)://\(host)/v2/") else {
            throw RequestFailure(.invalid, "\(domain) is no address of a registry")
        }
        let answer = try await connections.send(
            HTTPConnections.Request(url: url, transport: transport))
        let failure = try await connections.failure(answer)
        if failure.code == .unavailable || failure.code == .limited { throw failure.during("ping \(url.peer)") }
        let headers = answer.headers["www-authenticate"]
        return Endpoint(base: base, challenges: answer.status == .unauthorized ? Challenge.parse(headers) : [])
    }

    private var hasPort: Bool {
        guard let colon = domain.lastIndex(of: ":") else { return false }
        return !domain[colon...].contains("]")
    }
}
