// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
package import OCIImageSpec

extension RegistryClient {
    /// Chunks are gathered up to this size, in bytes.
    private static let chunkSize = 512 << 10
    /// Progress that makes the retries count anew, in bytes: a server must not keep us with a byte at a time.
    private static let worthwhile: Int64 = 1 << 20

    /// Streams a blob as `BlobSource` says, and continues where it was when the connection breaks.
    package func blob(_ descriptor: Descriptor, _ body: ([UInt8]) async throws -> Void) async throws {
        try await blob(descriptor, from: 0, body)
    }

    /// The same for the bytes from an offset on: what is before came from another place.
    package func blob(
        _ descriptor: Descriptor, from offset: Int64, _ body: ([UInt8]) async throws -> Void
    ) async throws {
        var stream = BlobStream(descriptor: descriptor, delivered: offset)
        var backoff = Backoff(settings)
        var mark = offset
        while true {
            do {
                return try await host.downloads.run {
                    try await connections.downloads.run { try await receive(&stream, body) }
                }
            } catch let failure as RequestFailure {
                if stream.delivered - mark >= Self.worthwhile || stream.hadToWait { backoff.reset() }
                let refusedMidway = failure.retry == .refused && stream.delivered > offset
                guard failure.retry != .never, failure.retry != .refused || refusedMidway,
                    let pause = backoff.next(atLeast: failure.pause)
                else {
                    throw failure.error(operation: "pull", subject: reference.familiar)
                }
                mark = stream.delivered
                try await Task.sleep(for: pause)
            }
        }
    }

    /// Asks for what is missing and delivers it. An error of `body` passes through as it is.
    private func receive(_ stream: inout BlobStream, _ body: ([UInt8]) async throws -> Void) async throws {
        stream.hadToWait = false
        // The server must not compress what it sends: the digest is over the bytes as they are.
        let digest = stream.descriptor.digest
        var request = try await request("blobs/\(digest)", digestIsKnown: true)
        request.headers = ["accept-encoding": "identity"]
        if stream.delivered > 0 { request.headers.add(name: "range", value: "bytes=\(stream.delivered)-") }
        let answer = try await authenticated(request, "blob \(digest)")
        try stream.begin(answer.status, answer.headers)
        var iterator = answer.body.makeAsyncIterator()
        var chunk: [UInt8] = []
        chunk.reserveCapacity(Self.chunkSize)
        var failure: RequestFailure?
        var pace = Pace(settings)
        while failure == nil {
            do {
                guard let buffer = try await iterator.next() else { break }
                try stream.take(buffer, into: &chunk)
                try pace.take(buffer.readableBytes)
            } catch let fault as RequestFailure {
                failure = fault
            } catch {
                failure = try RequestFailure(error, peer: answer.url.peer, settings).during("\(stream)")
            }
            if chunk.count >= Self.chunkSize {
                let start = ContinuousClock.now
                try await body(chunk)
                let waited = ContinuousClock.now - start
                pace.pause(waited)
                // The connection counts this as a stall, and may break, but the server is not to blame.
                if waited > settings.stallTimeout / 2 { stream.hadToWait = true }
                chunk.removeAll()
                chunk.reserveCapacity(Self.chunkSize)
            }
        }
        try Task.checkCancellation()
        if !chunk.isEmpty { try await body(chunk) }
        if let failure { throw failure }
        try stream.end(peer: answer.url.peer)
    }
}
