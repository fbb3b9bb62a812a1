// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import NIOHTTP1
import OCIImageSpec
import Registry
import Synchronization
import Testing

/// Blobs from servers that break off, lie or stall.
@Suite struct BlobStreamingTests {
    typealias Reply = ScriptedServer.Reply

    private let blob = ScriptedBlob(pattern(2_500_000))

    /// A server whose n-th answer to a request for the blob is the n-th given; the last one stays.
    private func server(_ replies: (@Sendable (ScriptedServer.Request) -> Reply)...) async throws
        -> ScriptedServer
    {
        let path = blob.path
        let count = Atomic(0)
        let replies = replies
        return try await ScriptedServer { request in
            guard request.path == path else { return .missing }
            let index = count.add(1, ordering: .relaxed).oldValue
            return replies[min(index, replies.count - 1)](request)
        }
    }

    @Test func deliversInOrderAndInLargeChunks() async throws {
        let server = try await server { [blob] in blob.range($0) }
        var sizes: [Int] = []
        var bytes: [UInt8] = []
        try await server.client().blob(blob.descriptor) { chunk in
            sizes.append(chunk.count)
            bytes += chunk
        }
        #expect(bytes == blob.bytes)
        #expect(sizes.dropLast().allSatisfy { $0 >= 256 << 10 }, "\(sizes)")
        #expect(server.requests.count == 1)
    }

    @Test(arguments: [0, 1, 700_000, 2_499_999]) func resumesByRange(brokenAfter count: Int)
        async throws
    {
        let server = try await server(
            { [blob] _ in blob.beginning(count, .broken) }, { [blob] in blob.range($0) })
        #expect(try await server.client().content(blob.descriptor) == blob.bytes)
        // What was on its way when the connection broke may be lost, and is asked for again.
        let ranges = server.requests.map(\.rangeStart)
        #expect(ranges.count == 2 && ranges[1] <= count, "\(ranges)")
    }

    @Test func skipsWhatItHasWhenTheServerBeginsAnew() async throws {
        let server = try await server(
            { [blob] _ in blob.beginning(600_000, .broken) },
            { [blob] _ in blob.beginning(1_200_000, .broken) },
            { [blob] _ in Reply(body: blob.bytes) })
        #expect(try await server.client().content(blob.descriptor) == blob.bytes)
        #expect(server.requests.count == 3)
    }

    @Test func resumesAStalledBody() async throws {
        let server = try await server(
            { [blob] _ in blob.beginning(900_000, .stalled) }, { [blob] in blob.range($0) })
        #expect(
            try await server.client(stall: .seconds(2)).content(blob.descriptor) == blob.bytes)
    }

    @Test func givesUpOnAServerThatOnlyStalls() async throws {
        let server = try await server { [blob] _ in blob.beginning(0, .stalled) }
        let error = try await server.client(stall: .seconds(2), retries: 1).failure(
            blob.descriptor)
        #expect(error?.code == .unavailable)
        #expect(
            error?.reason.contains("sent nothing for 2.0 seconds") == true, "\(error?.description ?? "")")
        #expect(server.requests.count <= 2)
    }

    /// Bytes come all the time, only too few.
    @Test(.timeLimit(.minutes(5))) func givesUpOnAServerThatTrickles() async throws {
        let server = try await server { [blob] _ in blob.beginning(0, .trickling) }
        let error = try await server.client(stall: .seconds(1), retries: 1).failure(blob.descriptor)
        #expect(error?.code == .unavailable)
        #expect(server.requests.count == 2)
    }

    @Test(.timeLimit(.minutes(5))) func resumesABodyThatTrickles() async throws {
        let zeros = ScriptedBlob(Array(repeating: 0, count: 100_000))
        let count = Atomic(0)
        let server = try await ScriptedServer { request in
            guard request.path == zeros.path else { return .missing }
            let isFirst = count.add(1, ordering: .relaxed).oldValue == 0
            return isFirst ? zeros.beginning(50, .trickling) : zeros.range(request)
        }
        #expect(try await server.client(stall: .seconds(1)).content(zeros.descriptor) == zeros.bytes)
        let ranges = server.requests.map(\.rangeStart)
        #expect(ranges.count == 2 && ranges[1] >= 50, "\(ranges)")
    }

    @Test func givesUpWithoutProgress() async throws {
        let server = try await server { [blob] request in
            var reply = blob.range(request, ending: .broken)
            reply.headers.add(name: "content-length", value: "\(blob.bytes.count - request.rangeStart)")
            reply.body = Array(reply.body[..<10])
            return reply
        }
        let error = try await server.client(retries: 3).failure(blob.descriptor)
        #expect(error?.code == .unavailable)
        #expect(error?.reason.contains("of 2500000 bytes") == true, "\(error?.description ?? "")")
        #expect(server.requests.count == 4)
    }

    @Test(arguments: [-1, 1]) func refusesAnotherLength(by difference: Int) async throws {
        let server = try await server { [blob] _ in
            Reply(body: difference < 0 ? Array(blob.bytes.dropLast()) : blob.bytes + [0])
        }
        let error = try await server.client().failure(blob.descriptor)
        #expect(error?.code == .invalid)
        #expect(server.requests.count == 1)
    }

    @Test func refusesMoreThanStatedWithoutLength() async throws {
        let server = try await server { [blob] _ in
            Reply(headers: ["transfer-encoding": "chunked"], body: blob.bytes + [0])
        }
        let delivered = Mutex(0)
        let client = try server.client()
        let error = await #expect(throws: RegistryError.self) {
            try await client.blob(blob.descriptor) { chunk in delivered.withLock { $0 += chunk.count } }
        }
        #expect(error?.code == .invalid)
        #expect(error?.reason.contains("sends more than 2500000 bytes") == true)
        #expect(delivered.withLock { $0 } <= blob.bytes.count)
    }

    @Test func continuesAShortBodyWithoutLength() async throws {
        let server = try await server(
            { [blob] _ in
                Reply(headers: ["transfer-encoding": "chunked"], body: Array(blob.bytes[..<1_000_000]))
            }, { [blob] in blob.range($0) })
        #expect(try await server.client().content(blob.descriptor) == blob.bytes)
    }

    @Test(arguments: ["bytes 5-2499999/2500000", "bytes */2500000", "items 1000-2499999/2500000", ""])
    func refusesAnotherRange(_ range: String) async throws {
        let server = try await server(
            { [blob] _ in blob.beginning(1000, .broken) },
            { [blob] request in
                var reply = blob.range(request)
                reply.headers.replaceOrAdd(name: "content-range", value: range)
                return reply
            })
        let error = try await server.client().failure(blob.descriptor)
        #expect(error?.code == .invalid)
        #expect(error?.reason.contains("sends the range") == true, "\(error?.description ?? "")")
    }

    @Test func refusesAnEncodedBody() async throws {
        let server = try await server { [blob] _ in
            Reply(headers: ["content-encoding": "gzip"], body: blob.bytes)
        }
        #expect(try await server.client().failure(blob.descriptor)?.code == .invalid)
        #expect(server.requests.first?["accept-encoding"] == "identity")
    }

    @Test func passesTheErrorOfTheBodyOn() async throws {
        struct Full: Error {}
        let server = try await server { [blob] in blob.range($0) }
        let client = try server.client()
        await #expect(throws: Full.self) {
            try await client.blob(blob.descriptor) { _ in throw Full() }
        }
        #expect(server.requests.count == 1)
    }

    @Test func waitsForASlowBody() async throws {
        let large = ScriptedBlob(pattern(20_000_000))
        let server = try await ScriptedServer { large.range($0) }
        let client = try server.client(stall: .milliseconds(500), retries: 10)
        var bytes: [UInt8] = []
        try await client.blob(large.descriptor) { chunk in
            // Longer than the patience with the server, which is not to blame.
            if bytes.count < 2_000_000 { try await Task.sleep(for: .milliseconds(900)) }
            bytes += chunk
        }
        #expect(bytes == large.bytes)
    }

    @Test func outlivesARestartOfTheRegistry() async throws {
        let first = try await server { [blob] _ in blob.beginning(1_000_000, .broken) }
        let client = try first.client(retries: 12)
        let port = first.port
        var restarted: Task<ScriptedServer, any Error>?
        var bytes: [UInt8] = []
        try await client.blob(blob.descriptor) { chunk in
            if restarted == nil {
                try await first.stopListening()
                restarted = Task { [blob] in
                    // Long enough for the client to be refused.
                    try await Task.sleep(for: .milliseconds(100))
                    return try await ScriptedServer(port: port) { $0.path == "/v2/" ? Reply() : blob.range($0) }
                }
            }
            bytes += chunk
        }
        #expect(bytes == blob.bytes)
        #expect(try await restarted?.value.requests.first?.rangeStart ?? 0 > 0)
    }

    @Test func endsWhenCancelled() async throws {
        let server = try await server { [blob] _ in blob.beginning(600_000, .stalled) }
        let client = try server.client()
        let began = AsyncStream.makeStream(of: Void.self)
        let task = Task { [blob] in
            try await client.blob(blob.descriptor) { _ in began.continuation.yield() }
        }
        for await _ in began.stream { break }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}
