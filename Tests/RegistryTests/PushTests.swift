// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import FoundationEssentials
import NIOHTTP1
import OCIImageSpec
import Registry
import Synchronization
import TestSupport
import Testing

/// A source in memory that counts how often it is read.
final class MemorySource: BlobSource {
    let blobs: [Digest: [UInt8]]
    let origin: Reference?
    private let count = Mutex(0)
    var reads: Int { count.withLock { $0 } }

    init(_ blobs: [[UInt8]], origin: Reference? = nil) {
        self.blobs = Dictionary(uniqueKeysWithValues: blobs.map { (Digest(of: $0), $0) })
        self.origin = origin
    }

    func manifest(_ selector: ManifestSelector) async throws -> FetchedManifest { throw Broken() }

    func blob(_ descriptor: Descriptor, _ body: ([UInt8]) async throws -> Void) async throws {
        count.withLock { $0 += 1 }
        guard let bytes = blobs[descriptor.digest] else { throw Broken() }
        for start in stride(from: 0, to: bytes.count, by: 500_000) {
            try await body(Array(bytes[start..<min(start + 500_000, bytes.count)]))
        }
    }

    struct Broken: Error {}
}

private func descriptor(_ bytes: [UInt8]) -> Descriptor {
    Descriptor(mediaType: .layer, digest: Digest(of: bytes), size: Int64(bytes.count))
}

@Suite struct PushTests {
    private func client(
        _ address: String, _ name: String, _ credentials: RegistryCredentials? = nil
    ) throws -> RegistryClient {
        var settings = RegistrySettings()
        settings.insecure = [address]
        settings.firstDelay = .milliseconds(2)
        return Registries(settings).client(
            try Reference(parsing: "\(address)/\(name)"), credentials: credentials, access: .push)
    }

    @Test(arguments: [DocumentRegistry.Access.open, .password])
    func whatIsPushedIsThere(access: DocumentRegistry.Access) async throws {
        let registry = try DocumentRegistry(access)
        let credentials = RegistryCredentials.password(user: DocumentRegistry.user, password: DocumentRegistry.password)
        let client = try client(registry.address, "a/b:v1", credentials)
        // Read whole, streamed, empty.
        let layers = [pattern(1000), pattern(9_000_001), []]
        let source = MemorySource(layers)
        for bytes in layers {
            #expect(try await client.put(descriptor(bytes), from: source) == .stored)
            #expect(try await client.put(descriptor(bytes), from: source) == .present)
        }
        #expect(source.reads == 3)
        let manifest = Manifest(config: descriptor(layers[0]), layers: layers.map(descriptor))
        let bytes = [UInt8](try JSONEncoder().encode(manifest))
        let fetched = try FetchedManifest(bytes: bytes, statedType: .imageManifest, subject: "made")
        for tag in ["v1", "v2"] { try await client.put(fetched, as: .tag(tag)) }
        try await client.put(fetched, as: .digest(fetched.digest))
        #expect(try await client.manifest(.tag("v2")) == fetched)
        for bytes in layers { #expect(try await client.content(descriptor(bytes)) == bytes) }
        #expect(try await client.tags() == ["v1", "v2"])
        await #expect(throws: RegistryError.self) { try await client.put(fetched, as: .digest(Digest(of: []))) }
    }

    @Test func aBlobOfAnotherRepositoryIsMounted() async throws {
        let registry = try DocumentRegistry()
        let bytes = pattern(70_000)
        let first = try client(registry.address, "first")
        _ = try await first.put(descriptor(bytes), from: MemorySource([bytes]))
        let second = try client(registry.address, "second")
        #expect(try await second.put(descriptor(bytes), from: first) == .mounted)
        #expect(try await second.content(descriptor(bytes)) == bytes)
        // What the other one has not is sent after all.
        let other = pattern(80_000)
        let source = MemorySource([other], origin: try Reference(parsing: "\(registry.address)/first"))
        #expect(try await second.put(descriptor(other), from: source) == .stored)
    }

    @Test func wrongContentIsNotStored() async throws {
        let registry = try DocumentRegistry()
        let client = try client(registry.address, "x")
        for size in [1000, 6_000_000] {
            let right = pattern(size)
            var wrong = descriptor(right)
            wrong.digest = Digest(of: [1])
            struct Lying: BlobSource {
                var bytes: [UInt8]
                func manifest(_ selector: ManifestSelector) async throws -> FetchedManifest {
                    throw CancellationError()
                }
                func blob(_ descriptor: Descriptor, _ body: ([UInt8]) async throws -> Void) async throws {
                    try await body(bytes)
                }
            }
            await #expect(throws: (any Error).self) { try await client.put(wrong, from: Lying(bytes: right)) }
            #expect(await client.failure(wrong)?.code == .notFound)
        }
    }

    @Test func aFailingSourceIsToldAsItIs() async throws {
        let registry = try DocumentRegistry()
        let client = try client(registry.address, "x")
        struct Failing: BlobSource {
            func manifest(_ selector: ManifestSelector) async throws -> FetchedManifest { throw MemorySource.Broken() }
            func blob(_ descriptor: Descriptor, _ body: ([UInt8]) async throws -> Void) async throws {
                try await body(pattern(1_000_000))
                throw MemorySource.Broken()
            }
        }
        for size in [10, 20_000_000] {
            let blob = Descriptor(mediaType: .layer, digest: Digest(of: [1]), size: Int64(size))
            await #expect(throws: MemorySource.Broken.self) { try await client.put(blob, from: Failing()) }
        }
    }

    @Test func aBrokenUploadIsBegunAnew() async throws {
        let bytes = pattern(5_000_000)
        let patches = Mutex(0)
        let server = try await ScriptedServer { request in
            switch request.method {
            case "HEAD": return .missing
            case "POST":
                return ScriptedServer.Reply(status: .accepted, headers: ["location": "/v2/x/blobs/uploads/1?s=2"])
            case "PATCH":
                let count = patches.withLock { count in
                    count += 1
                    return count
                }
                if count == 1 { return ScriptedServer.Reply(status: .serviceUnavailable) }
                return ScriptedServer.Reply(status: .accepted, headers: ["location": "/v2/x/blobs/uploads/1?s=3"])
            case "PUT": return ScriptedServer.Reply(status: .created)
            default: return ScriptedServer.Reply()
            }
        }
        let source = MemorySource([bytes])
        let client = try client(server.address, "x")
        #expect(try await client.put(descriptor(bytes), from: source) == .stored)
        #expect(source.reads == 2)
        let last = try #require(server.requests.last)
        #expect(last.path == "/v2/x/blobs/uploads/1?s=3&digest=sha256%3A\(Digest(of: bytes).hex)")
        #expect(server.requests.filter { $0.method == "PATCH" }.last?.body == bytes)
        #expect(server.requests.filter { $0.method == "PATCH" }.last?["content-length"] == "\(bytes.count)")
    }

    @Test func uploadsAreNotRedirectedAndTellNobodyElse() async throws {
        let other = try await ScriptedServer { _ in ScriptedServer.Reply(status: .created) }
        let server = try await ScriptedServer { request in
            switch request.method {
            case "HEAD": .missing
            case "POST":
                ScriptedServer.Reply(status: .accepted, headers: ["location": "http://\(other.address)/elsewhere"])
            case "GET" where request["authorization"] == nil:
                ScriptedServer.Reply(status: .unauthorized, headers: ["www-authenticate": "Basic realm=x"])
            default: ScriptedServer.Reply()
            }
        }
        let client = try client(server.address, "x", .password(user: "a", password: "b"))
        #expect(try await client.put(descriptor([1]), from: MemorySource([[1]])) == .stored)
        #expect(server.requests.allSatisfy { $0["authorization"] != nil })
        #expect(other.requests.map { $0["authorization"] } == [nil])
    }

    /// They are printed, and a terminal does what they say.
    @Test func whatIsNoTagIsRefused() async throws {
        let server = try await ScriptedServer { _ in
            ScriptedServer.Reply(body: Array(#"{"tags":["fine","\u001b[2Jgone"]}"#.utf8))
        }
        let client = try client(server.address, "x")
        let error = await #expect(throws: RegistryError.self) { try await client.tags() }
        #expect(error?.reason == #""\u{1B}[2Jgone" is no tag"#)
    }

    @Test(.timeLimit(.minutes(1))) func tagsComeInPages() async throws {
        let server = try await ScriptedServer { request in
            switch request.path {
            case "/v2/x/tags/list?n=1000":
                ScriptedServer.Reply(
                    headers: ["link": "</v2/x/tags/list?n=1000&last=b>; rel=\"next\""],
                    body: Array(#"{"name":"x","tags":["a","b"]}"#.utf8))
            case "/v2/x/tags/list?n=1000&last=b":
                // A page that leads to itself must not be read for ever.
                ScriptedServer.Reply(
                    headers: ["link": "</v2/x/tags/list?n=1000&last=b>; rel=next"], body: Array(#"{"tags":["c"]}"#.utf8)
                )
            case "/v2/none/tags/list?n=1000": ScriptedServer.Reply(body: Array(#"{"tags":null}"#.utf8))
            default: ScriptedServer.Reply(status: .notFound)
            }
        }
        #expect(try await client(server.address, "x").tags() == ["a", "b", "c"])
        #expect(try await client(server.address, "none").tags() == [])
        let endless = try await ScriptedServer { request in
            let page = (request.path.split(separator: "=").last.flatMap { Int($0) } ?? 0) + 1
            return ScriptedServer.Reply(
                headers: ["link": "</v2/x/tags/list?last=\(page)>; rel=\"next\""], body: Array(#"{"tags":[]}"#.utf8))
        }
        #expect(try await client(endless.address, "x").tags() == [])
        let absent = try client(server.address, "absent")
        let error = await #expect(throws: RegistryError.self) { try await absent.tags() }
        #expect(error?.code == .notFound)
        #expect(error?.operation == "list tags of")
    }
}
