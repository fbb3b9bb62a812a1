// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials
internal import NIOHTTP1
package import OCIImageSpec

extension RegistryClient {
    /// Most pages of one list.
    private static let pageCount = 20

    /// The manifests of one type of artifact that say they are about the manifest of that digest. Asked for is the registry's
    /// own list; of one that has none, the index with the tag that stands in for it. Source: distribution-spec, "Listing
    /// Referrers" and "Referrers Tag Schema".
    package func referrers(of digest: Digest, artifactType: MediaType) async throws -> [Descriptor] {
        try await named("list referrers in") {
            let found: [Descriptor]
            do {
                found = try await listed(digest, artifactType)
            } catch let failure as RequestFailure where [.notFound, .denied, .invalid].contains(failure.code) {
                // Older registries know no such path, and say so in many ways.
                found = try await tagged(digest)
            }
            // Registries need not select, and an index cannot.
            return found.filter { $0.artifactType == artifactType }
        }
    }

    private func listed(_ digest: Digest, _ artifactType: MediaType) async throws -> [Descriptor] {
        let type = artifactType.rawValue.replacing("+", with: "%2B")
        var next: URL? = try await request("referrers/\(digest)?artifactType=\(type)").url
        var found: [Descriptor] = []
        for _ in 0..<Self.pageCount {
            guard let url = next else { break }
            let (index, headers) = try await connections.retrying { try await self.referrersPage(url) }
            found += index.manifests
            next = Self.nextPage(headers["link"], after: url)
        }
        return found
    }

    private func referrersPage(_ url: URL) async throws -> (Index, HTTPHeaders) {
        var request = HTTPConnections.Request(url: url)
        request.headers = ["accept": MediaType.imageIndex.rawValue]
        let answer = try await authenticated(request, "referrers")
        let bytes = try await connections.body(answer, limit: documentLimit)
        do {
            return (try Index(parsing: bytes, subject: "referrers"), answer.headers)
        } catch {
            throw RequestFailure(.invalid, "the answer is no list of referrers")
        }
    }

    private func tagged(_ digest: Digest) async throws -> [Descriptor] {
        let tag = "\(digest.algorithm.rawValue)-\(digest.hex.prefix(64))"
        do {
            guard case .index(let index) = try await manifest(.tag(tag)).document() else { return [] }
            return index.manifests
        } catch let error as RegistryError where error.code == .notFound {
            return []
        }
    }
}
