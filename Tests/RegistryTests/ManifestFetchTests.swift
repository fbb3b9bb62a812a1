// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import NIOHTTP1
import OCIImageSpec
import Registry
import Synchronization
import Testing

/// Manifests from servers that lie, are busy or are old.
@Suite struct ManifestFetchTests {
    typealias Reply = ScriptedServer.Reply

    private static let text = """
        {"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":2,
        "digest":"sha256:\(String(repeating: "ab", count: 32))"},"layers":[]}
        """
    private static let manifest = Reply(
        headers: ["content-type": "application/vnd.oci.image.manifest.v1+json"], body: Array(text.utf8))
    private let digest = Digest(of: Array(text.utf8))

    private func server(_ reply: @escaping ScriptedServer.Script) async throws -> ScriptedServer {
        try await ScriptedServer { $0.path == "/v2/" ? Reply() : reply($0) }
    }

    @Test func asksForAllTypes() async throws {
        let server = try await server { _ in Self.manifest }
        #expect(try await server.client().manifest(.tag("t")).digest == digest)
        #expect(
            server.requests.first?.headers["accept"] == [
                "application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json",
                "application/vnd.docker.distribution.manifest.v2+json",
                "application/vnd.docker.distribution.manifest.list.v2+json",
                "application/vnd.docker.distribution.manifest.v1+prettyjws",
                "application/vnd.docker.distribution.manifest.v1+json",
            ])
        #expect(server.requests.first?.path == "/v2/x/manifests/t")
        #expect(server.requests.first?["user-agent"] == "skiff")
    }

    @Test func computesTheDigestItself() async throws {
        let server = try await server { _ in
            var reply = Self.manifest
            reply.headers.add(
                name: "docker-content-digest", value: "sha256:" + String(repeating: "0", count: 64))
            return reply
        }
        #expect(try await server.client().manifest(.tag("t")).digest == digest)
        #expect(try await server.client().manifest(.digest(digest)).digest == digest)
        let sha512 = Digest(of: Self.manifest.body, .sha512)
        #expect(try await server.client().manifest(.digest(sha512)).digest == sha512)
    }

    @Test func refusesAnotherDigest() async throws {
        let server = try await server { _ in Self.manifest }
        let error = try await server.client().failure(.digest(Digest(of: [])))
        #expect(error?.code == .invalid)
        #expect(error?.reason == "manifest \(Digest(of: [])): the content has the digest \(digest)")
    }

    @Test func refusesALargeManifest() async throws {
        for headers: HTTPHeaders in [[:], ["transfer-encoding": "chunked"]] {
            let server = try await server { _ in
                Reply(headers: headers, body: [UInt8](repeating: 0x20, count: documentLimit + 1))
            }
            let error = try await server.client().failure(.tag("t"))
            #expect(error?.code == .invalid)
            #expect(error?.reason == "the answer is longer than 4194304 bytes")
        }
    }

    @Test(arguments: [
        (#"{"schemaVersion":1,"fsLayers":[]}"#, RegistryError.Code.unsupported), ("", .invalid),
        ("<html>", .invalid),
        (#"{"manifests":[],"layers":[]}"#, .invalid),
    ])
    func refusesOtherDocuments(_ text: String, _ code: RegistryError.Code) async throws {
        let server = try await server { _ in Reply(body: Array(text.utf8)) }
        #expect(try await server.client().failure(.tag("t"))?.code == code)
        #expect(server.requests.count == 1)
    }

    /// Bytes come all the time, only too few: of the manifest itself, and of a redirect, whose body is of no interest.
    @Test(.timeLimit(.minutes(5)), arguments: [200, 307]) func doesNotWaitForTrickles(status: Int) async throws {
        let server = try await server { request in
            if request.path == "/there" { return Self.manifest }
            return Reply(
                status: .init(statusCode: status), headers: ["content-length": "1000000", "location": "/there"],
                ending: .trickling)
        }
        let client = try server.client(stall: .seconds(1), retries: 1)
        if status == 307 {
            #expect(try await client.manifest(.tag("t")).digest == digest)
        } else {
            #expect(await client.failure(.tag("t"))?.code == .unavailable)
        }
    }

    @Test(arguments: [408, 429, 500, 502, 503, 504]) func asksAgain(after status: Int) async throws {
        let count = Atomic(0)
        let server = try await server { _ in
            if count.add(1, ordering: .relaxed).oldValue > 1 { return Self.manifest }
            return Reply(status: .init(statusCode: status), headers: ["retry-after": "0"])
        }
        #expect(try await server.client().manifest(.tag("t")).digest == digest)
        #expect(server.requests.count == 3)
    }

    @Test(arguments: [
        (400, RegistryError.Code.invalid, 1), (401, .unauthorized, 1), (403, .denied, 1),
        (404, .notFound, 1),
        (418, .invalid, 1), (429, .limited, 4), (500, .unavailable, 4), (501, .unavailable, 1),
        (503, .unavailable, 4),
    ])
    func givesUp(after status: Int, _ code: RegistryError.Code, _ requests: Int) async throws {
        let words = #"{"errors":[{"code":"DENIED","message":"not\nyou","detail":{}}]}"#
        let server = try await server { _ in
            Reply(status: .init(statusCode: status), body: Array(words.utf8))
        }
        let error = try await server.client(retries: 3).failure(.tag("t"))
        #expect(error?.code == code)
        #expect(error?.status == status)
        #expect(error?.details == [RegistryError.Detail(code: "DENIED", message: "not you")])
        #expect(server.requests.count == requests)
    }

    @Test func asksAgainAfterABrokenConnection() async throws {
        let count = Atomic(0)
        let server = try await server { _ in
            var reply = Self.manifest
            guard count.add(1, ordering: .relaxed).oldValue == 0 else { return reply }
            reply.headers.add(name: "content-length", value: "\(reply.body.count)")
            reply.body.removeLast(5)
            reply.ending = .broken
            return reply
        }
        #expect(try await server.client().manifest(.tag("t")).digest == digest)
    }

    @Test func pingIsRepeatedWhenTheRegistryIsBusy() async throws {
        let count = Atomic(0)
        let server = try await ScriptedServer { request in
            if request.path != "/v2/" { return Self.manifest }
            return Reply(
                status: count.add(1, ordering: .relaxed).oldValue < 2 ? .serviceUnavailable : .ok)
        }
        #expect(try await server.client().manifest(.tag("t")).digest == digest)
        let busy = try await ScriptedServer { _ in Reply(status: .serviceUnavailable) }
        let error = try await busy.client(retries: 1).failure(.tag("t"))
        #expect(error?.code == .unavailable)
        #expect(error?.reason == "ping \(busy.address): 503 Service Unavailable")
        // An attempt with TLS before each is no request. The attempts of the steps do not multiply.
        #expect(busy.pings == 2)
    }

    @Test func resolvesByHead() async throws {
        let server = try await server { _ in
            Reply(headers: ["docker-content-digest": "sha256:" + String(repeating: "1", count: 64)])
        }
        #expect(try await server.client().resolve("t").hex == String(repeating: "1", count: 64))
        #expect(server.requests.map(\.method) == ["HEAD"])
    }

    @Test func resolvesByGetWhereHeadDoesNot() async throws {
        let headless = try await server { request in
            request.method == "HEAD" ? Reply(status: .methodNotAllowed) : Self.manifest
        }
        #expect(try await headless.client().resolve("t") == digest)
        let silent = try await server { _ in Self.manifest }
        #expect(try await silent.client().resolve("t") == digest)
        let absent = try await server { _ in .missing }
        let client = try absent.client()
        let error = await #expect(throws: RegistryError.self) { try await client.resolve("t") }
        #expect(error?.code == .notFound)
        #expect(absent.requests.map(\.method) == ["HEAD"])
    }

    @Test func showsOneLine() async throws {
        let server = try await server { _ in
            Reply(
                status: .forbidden,
                body: Array(#"{"errors":[{"code":"DENIED","message":"a\u001b[31m\nb"}]}"#.utf8))
        }
        let error = try await server.client().failure(.tag("t"))
        #expect(
            error?.description
                == "pull \"\(server.address)/x:latest\": manifest t: 403 Forbidden: DENIED: a [31m b")
    }
}
