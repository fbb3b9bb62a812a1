// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials
internal import NIOHTTP1
package import OCIImageSpec

extension RegistryClient: BlobDestination {
    /// Blobs up to this size are read whole and sent with their digest in one request; larger ones are streamed.
    private static let wholeLimit: Int64 = 4 << 20

    /// Stores a blob: not at all when the registry has it, by a mount when the source is another repository of the same
    /// registry, otherwise by an upload, which is begun anew when the connection breaks. Source: distribution-spec,
    /// "Pushing Blobs", "Mounting a blob from another repository".
    package func put(_ descriptor: Descriptor, from source: any BlobSource) async throws -> BlobOutcome {
        try await named("push") {
            var backoff = Backoff(settings)
            var isRenewed = false
            while true {
                do {
                    return try await store(descriptor, from: source)
                } catch let failure as RequestFailure {
                    // A token may run out on the way; a body that was streamed cannot be sent again by itself.
                    if failure.code == .unauthorized, failure.retry != .never, !isRenewed {
                        isRenewed = true
                        continue
                    }
                    guard case .later(let asked) = failure.retry, let pause = backoff.next(atLeast: asked) else {
                        throw failure.final
                    }
                    try await Task.sleep(for: pause)
                }
            }
        }
    }

    /// Stores a manifest. Source: distribution-spec, "Pushing Manifests".
    package func put(_ manifest: FetchedManifest, as selector: ManifestSelector) async throws {
        try await named("push") {
            if case .digest(let digest) = selector, digest != manifest.digest {
                throw RequestFailure(.invalid, "the manifest has the digest \(manifest.digest), not \(digest)")
            }
            try await connections.retrying {
                var request = try await self.request(manifestPath(selector), .PUT)
                request.headers = ["content-type": manifest.mediaType.rawValue]
                request.body = .bytes(manifest.bytes)
                let answer = try await authenticated(request, "manifest \(selector)")
                // Read, so that the connection can be used again.
                _ = try await connections.body(answer, limit: 64 << 10)
            }
        }
    }

    private func store(_ descriptor: Descriptor, from source: any BlobSource) async throws -> BlobOutcome {
        if try await has(descriptor.digest) { return .present }
        let step = "blob \(descriptor.digest)"
        let begin = try await authenticated(try await beginning(descriptor, from: source), step)
        _ = try await connections.body(begin, limit: 64 << 10)
        if begin.status == .created { return .mounted }
        if descriptor.size <= Self.wholeLimit {
            let bytes = try await source.wholeBlob(descriptor, limit: Int(Self.wholeLimit))
            try await finish(descriptor.digest, at: try uploadURL(begin), bytes)
            return .stored
        }
        let sent = try await stream(descriptor, from: source, to: try uploadURL(begin))
        try await finish(descriptor.digest, at: sent, [])
        return .stored
    }

    /// Whether the repository has the blob.
    func has(_ digest: Digest) async throws -> Bool {
        do {
            let answer = try await authenticated(
                try await request("blobs/\(digest)", .HEAD, digestIsKnown: true), "blob \(digest)")
            return answer.status == .ok
        } catch let failure as RequestFailure where failure.status == 404 {
            return false
        }
    }

    /// The request for an upload, or for a mount where that is possible; a registry that does not mount begins an upload.
    private func beginning(_ descriptor: Descriptor, from source: any BlobSource) async throws
        -> HTTPConnections.Request
    {
        var query = ""
        var others: [String] = []
        if let origin = source.origin, origin.domain == reference.domain, origin.path != location.path {
            query = "?" + Authenticator.form([("mount", descriptor.digest.description), ("from", origin.path)])
            others = ["repository:\(origin.path):pull"]
        }
        var request = try await request("blobs/uploads/\(query)", .POST)
        request.body = .bytes([])
        request.otherScopes = others
        return request
    }

    /// Sends the content in one go and returns where the upload goes on.
    private func stream(_ descriptor: Descriptor, from source: any BlobSource, to url: URL) async throws -> URL {
        let handoff = Handoff()
        return try await withThrowingTaskGroup(of: URL?.self) { group in
            group.addTask {
                do {
                    try await source.blob(descriptor) { try await handoff.send($0) }
                    handoff.end()
                } catch is Handoff.Closed {
                    // The registry has answered already: its words count.
                } catch {
                    handoff.fail(error)
                }
                return nil
            }
            group.addTask {
                defer { handoff.close() }
                var request = HTTPConnections.Request(
                    method: .PATCH, url: url, headers: ["content-type": "application/octet-stream"],
                    body: .stream(handoff, length: descriptor.size))
                request.followsRedirects = false
                do {
                    let answer = try await authenticated(request, "blob \(descriptor.digest)")
                    _ = try await connections.body(answer, limit: 64 << 10)
                    return try uploadURL(answer)
                } catch {
                    throw handoff.failure ?? error
                }
            }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let next = result { return next }
            }
            throw RequestFailure(.unavailable, "the upload ends without an answer", retry: .later())
        }
    }

    private func finish(_ digest: Digest, at upload: URL, _ bytes: [UInt8]) async throws {
        let joint = upload.query == nil ? "?" : "&"
        guard
            let url = URL(string: upload.absoluteString + joint + Authenticator.form([("digest", digest.description)]))
        else { throw RequestFailure(.invalid, "the registry names no usable place for the upload") }
        var request = HTTPConnections.Request(
            method: .PUT, url: url, headers: ["content-type": "application/octet-stream"], body: .bytes(bytes))
        request.followsRedirects = false
        let answer = try await authenticated(request, "blob \(digest)")
        _ = try await connections.body(answer, limit: 64 << 10)
    }

    /// Where an upload goes on: a URL in full, or one relative to the answer's.
    private func uploadURL(_ answer: HTTPConnections.Answer) throws(RequestFailure) -> URL {
        guard let text = answer.headers.first(name: "location"),
            let url = URL(string: text, relativeTo: answer.url)?.absoluteURL, url.host != nil,
            url.scheme == "https" || (url.scheme == "http" && host.isInsecure)
        else { throw RequestFailure(.invalid, "the registry names no usable place for the upload") }
        return url
    }
}
