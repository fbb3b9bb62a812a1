// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import AsyncHTTPClient
internal import FoundationEssentials
internal import NIOHTTP1
package import OCIImageSpec

/// One repository of one registry, to pull from. Source: distribution-spec, "Pull".
///
/// All errors are `RegistryError` or `CancellationError`, but for those that the caller's own closure throws.
package struct RegistryClient: BlobSource {
    /// The image this client was made for; it names it in errors.
    package let reference: Reference
    let settings: RegistrySettings
    let host: RegistryHost
    let authenticator: Authenticator

    var connections: HTTPConnections { host.connections }

    /// Fetches a manifest or index. By digest, its bytes are checked against the digest; the registry's own statement
    /// of the digest is not used.
    package func manifest(_ selector: ManifestSelector) async throws -> FetchedManifest {
        try await named {
            try await connections.retrying {
                let answer = try await get(manifestPath(selector), headers: Self.manifestHeaders, selector.isDigest)
                let bytes = try await connections.body(answer, limit: documentLimit)
                let statedType = answer.headers.first(name: "content-type").map(MediaType.init(header:))
                return try fetched(bytes, statedType, selector)
            }
        }
    }

    /// The digest a tag has at the registry now, at the price of a HEAD request, which registries do not count.
    ///
    /// It is what the registry says: good to see whether an image is up to date, and to be fetched by, since that
    /// checks the content. When the registry does not answer HEAD the manifest is fetched and its digest computed.
    package func resolve(_ tag: String) async throws -> Digest {
        let head = try await named {
            try await connections.retrying { () -> Digest? in
                let answer: HTTPConnections.Answer
                do {
                    answer = try await get(manifestPath(.tag(tag)), .HEAD, headers: Self.manifestHeaders, false)
                } catch let failure as RequestFailure where failure.status == 405 || failure.status == 400 {
                    return nil
                }
                // A malformed digest is as good as none.
                return answer.headers.first(name: "docker-content-digest").flatMap { try? Digest(parsing: $0) }
            }
        }
        if let head { return head }
        return try await manifest(.tag(tag)).digest
    }

    private static let manifestHeaders = HTTPHeaders(MediaType.accepted.map { ("accept", $0.rawValue) })

    private func manifestPath(_ selector: ManifestSelector) -> String { "manifests/\(selector)" }

    private func fetched(
        _ bytes: [UInt8], _ statedType: MediaType?, _ selector: ManifestSelector
    ) throws(RequestFailure) -> FetchedManifest {
        var algorithm = Digest.Algorithm.sha256
        if case .digest(let wanted) = selector {
            algorithm = wanted.algorithm
            let found = Digest(of: bytes, algorithm)
            guard found == wanted else {
                throw RequestFailure(.invalid, "manifest \(wanted): the content has the digest \(found)")
            }
        }
        do {
            return try FetchedManifest(
                bytes: bytes, statedType: statedType, algorithm: algorithm, subject: selector.description)
        } catch {
            throw RequestFailure(error)
        }
    }

    /// Sends one request below the repository, authenticated as the registry wants it, and returns an answer of a
    /// good status. A token that has run out is replaced once.
    func get(
        _ path: String, _ method: HTTPMethod = .GET, headers: HTTPHeaders, _ digestIsKnown: Bool
    ) async throws -> HTTPConnections.Answer {
        let endpoint = try await host.endpoint()
        guard let url = URL(string: "\(endpoint.base.absoluteString)/v2/\(reference.path)/\(path)") else {
            throw RequestFailure(.invalid, "\(path) makes no URL")
        }
        var request = HTTPConnections.Request(
            method: method, url: url, headers: headers, plainRedirectAllowed: digestIsKnown,
            verifiesCertificate: !host.isInsecure)
        request.authorization = try await authenticator.authorization(endpoint.challenges)
        let answer = try await send(request)
        guard answer.status == .unauthorized, answer.url.origin == url.origin else {
            return try await checked(answer, path)
        }
        authenticator.forget(request.authorization)
        let challenges = Challenge.parse(answer.headers["www-authenticate"])
        let renewed = try await authenticator.authorization(challenges)
        guard let renewed, renewed != request.authorization else { return try await checked(answer, path) }
        host.learn(challenges)
        // Reads the refusal, so that its connection can be used again.
        _ = try await connections.failure(answer)
        request.authorization = renewed
        return try await checked(try await send(request), path)
    }

    private func send(_ request: HTTPConnections.Request) async throws -> HTTPConnections.Answer {
        do {
            return try await connections.send(request)
        } catch let failure as RequestFailure where failure.code == .unavailable {
            host.forgetEndpoint()
            throw failure
        }
    }

    private func checked(_ answer: HTTPConnections.Answer, _ path: String) async throws -> HTTPConnections.Answer {
        if (200...299).contains(answer.status.code) { return answer }
        throw try await connections.failure(answer).during(path.replacing("s/", with: " ", maxReplacements: 1))
    }

    /// Gives failures the name of the image.
    func named<Value>(_ work: () async throws -> Value) async throws -> Value {
        do {
            return try await work()
        } catch let failure as RequestFailure {
            throw failure.error(operation: "pull", subject: reference.familiar)
        }
    }
}

extension ManifestSelector {
    fileprivate var isDigest: Bool {
        if case .digest = self { true } else { false }
    }
}
