// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials
internal import NIOHTTP1
internal import OCIImageSpec

extension RegistryClient {
    /// Largest page of tags, in bytes: some registries send all at once.
    private static let pageLimit = 16 << 20
    /// Most tags.
    private static let tagLimit = 1_000_000

    /// All tags of the repository, in the registry's order. Source: distribution-spec, "Listing Tags".
    package func tags() async throws -> [String] {
        try await named("list tags of", reference.repository) {
            var tags: [String] = []
            var next = try await request("tags/list?n=1000").url
            var seen: Set<URL> = []
            while seen.insert(next).inserted {
                let page = try await connections.retrying { try await self.page(next) }
                // They are shown to people, and become parts of names.
                if let wrong = page.tags.first(where: { !Reference.isTag($0) }) {
                    throw RequestFailure(.invalid, "\(QuotedText.line(wrong)) is no tag")
                }
                tags += page.tags
                guard tags.count <= Self.tagLimit else {
                    throw RequestFailure(.invalid, "it has more than \(Self.tagLimit) tags")
                }
                // A page without tags is the last, so that a list without end has an end.
                guard let link = page.next, !page.tags.isEmpty else { break }
                next = link
            }
            return tags
        }
    }

    private func page(_ url: URL) async throws -> (tags: [String], next: URL?) {
        struct Page: Decodable { var tags: [String]? }
        let answer = try await authenticated(HTTPConnections.Request(url: url), "tags")
        let bytes = try await connections.body(answer, limit: Self.pageLimit)
        let page: Page
        do {
            page = try JSONDecoder().decode(Page.self, from: Data(bytes))
        } catch {
            throw RequestFailure(.invalid, "the answer is no list of tags")
        }
        return (page.tags ?? [], Self.nextPage(answer.headers["link"], after: url))
    }

    /// The target of `<URL>; rel="next"`, on the same server. Source: RFC 8288.
    static func nextPage(_ headers: [String], after url: URL) -> URL? {
        for link in headers.flatMap({ $0.split(separator: ",") }) {
            guard let open = link.firstIndex(of: "<"), let close = link.firstIndex(of: ">"), open < close,
                link[close...].replacing("\"", with: "").replacing(" ", with: "").contains("rel=next")
            else { continue }
            let target = URL(string: String(link[link.index(after: open)..<close]), relativeTo: url)?.absoluteURL
            if let target, target.origin == url.origin { return target }
        }
        return nil
    }
}
