// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import AsyncHTTPClient
internal import NIOHTTP1
package import OCIImageSpec

/// One repository of one registry. Source: distribution-spec, "Pull", "Push".
///
/// All errors are `RegistryError` or `CancellationError`, but for those that the caller's own closure throws.
package struct RegistryClient: BlobSource {
    /// The image this client was made for; it names it in errors.
    package let reference: Reference
    /// Where requests go.
    package let location: RegistryLocation
    let settings: RegistrySettings
    let host: RegistryHost
    let access: RegistryAccess
    let authenticator: Authenticator

    /// The repository that this is.
    package var origin: Reference? { reference }

    var connections: HTTPConnections { host.connections }

    /// Fetches a manifest or index. By digest, its bytes are checked against the digest; the registry's own statement
    /// of the digest is not used.
    package func manifest(_ selector: ManifestSelector) async throws -> FetchedManifest {
        try await named("pull") {
            try await connections.retrying {
                var request = try await request(manifestPath(selector), digestIsKnown: selector.isDigest)
                request.headers = Self.manifestHeaders
                let answer = try await authenticated(request, "manifest \(selector)")
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
        let head = try await named("pull") {
            try await connections.retrying { () -> Digest? in
                let answer: HTTPConnections.Answer
                do {
                    var request = try await request(manifestPath(.tag(tag)), .HEAD)
                    request.headers = Self.manifestHeaders
                    answer = try await authenticated(request, "manifest \(tag)")
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

    func manifestPath(_ selector: ManifestSelector) -> String { "manifests/\(selector)" }

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

    /// Gives failures the name of the image, or another one.
    func named<Value>(
        _ operation: String, _ subject: String? = nil, _ work: () async throws -> Value
    ) async throws -> Value {
        do {
            return try await work()
        } catch let failure as RequestFailure {
            throw failure.error(operation: operation, subject: subject ?? reference.familiar)
        }
    }
}

extension ManifestSelector {
    fileprivate var isDigest: Bool {
        if case .digest = self { true } else { false }
    }
}
