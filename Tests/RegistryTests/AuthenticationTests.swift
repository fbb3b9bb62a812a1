// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import NIOHTTP1
import OCIImageSpec
import Registry
import Synchronization
import Testing

/// Tokens, Basic authentication, and what must not be told to others.
@Suite struct AuthenticationTests {
    typealias Reply = ScriptedServer.Reply

    private let blob = ScriptedBlob(pattern(1000))

    /// A registry that wants a token; `tokens` says which one its token server gives out next.
    private func registry(
        _ tokens: @escaping @Sendable (ScriptedServer.Request) -> Reply,
        accepts: @escaping @Sendable (ScriptedServer.Request) -> Bool
    ) async throws -> ScriptedServer {
        let blob = blob
        return try await ScriptedServer { request in
            if request.path.hasPrefix("/token") { return tokens(request) }
            if accepts(request) { return request.path == "/v2/" ? Reply() : blob.range(request) }
            let challenge =
                "Bearer realm=\"http://\(request["host"] ?? "")/token\",service=\"the service\""
            return Reply(status: .unauthorized, headers: ["www-authenticate": challenge])
        }
    }

    @Test func fetchesAnAnonymousTokenOnce() async throws {
        let server = try await registry(
            { _ in Reply(body: Array(#"{"token":"abc","expires_in":300}"#.utf8)) },
            accepts: { $0["authorization"] == "Bearer abc" })
        let client = try server.client()
        for _ in 0..<3 { #expect(try await client.content(blob.descriptor) == blob.bytes) }
        #expect(
            server.requests.map(\.path).filter { $0.hasPrefix("/token") }
                == ["/token?service=the%20service&scope=repository%3Ax%3Apull"])
        #expect(server.requests.count == 4)
        #expect(server.requests[0]["authorization"] == nil)
        #expect(server.pings == 1)
    }

    @Test func concurrentRequestsShareOneToken() async throws {
        let server = try await registry(
            { _ in Reply(body: Array(#"{"access_token":"abc"}"#.utf8)) },
            accepts: { $0["authorization"] == "Bearer abc" })
        let client = try server.client()
        try await withThrowingTaskGroup(of: [UInt8].self) { group in
            for _ in 0..<10 { group.addTask { try await client.content(blob.descriptor) } }
            for try await bytes in group { #expect(bytes == blob.bytes) }
        }
        #expect(server.requests.count == 11)
        #expect(server.pings == 1)
    }

    @Test func tellsThePasswordToTheTokenServerOnly() async throws {
        let server = try await registry(
            { request in
                guard request["authorization"] == "Basic dTpw" else { return Reply(status: .unauthorized) }
                return Reply(body: Array(#"{"token":"abc"}"#.utf8))
            }, accepts: { $0["authorization"] == "Bearer abc" })
        #expect(
            try await server.client(.password(user: "u", password: "p")).content(blob.descriptor)
                == blob.bytes)
        #expect(server.requests.map { $0["authorization"] } == ["Basic dTpw", "Bearer abc"])
        #expect(server.requests[0].path.hasSuffix("&account=u"))
        let wrong = try await server.client(.password(user: "u", password: "q")).failure(
            blob.descriptor)
        #expect(wrong?.code == .unauthorized)
        #expect(wrong?.reason == "obtain a token: 401 Unauthorized")
    }

    /// Who has an identity token can get tokens for all that it is good for.
    @Test func tellsAnIdentityTokenToNoOtherServer() async throws {
        let stranger = try await ScriptedServer { _ in Reply(body: Array(#"{"access_token":"abc"}"#.utf8)) }
        let address = stranger.address
        let server = try await registry(
            { _ in Reply(status: .temporaryRedirect, headers: ["location": "http://\(address)/token"]) },
            accepts: { $0["authorization"] == "Bearer abc" })
        let failure = try await server.client(.identityToken("secret")).failure(blob.descriptor)
        #expect(failure?.reason.contains("redirected to \(address), which must not get our credentials") == true)
        #expect(stranger.requests.isEmpty)
    }

    @Test func exchangesAnIdentityToken() async throws {
        let server = try await registry(
            { _ in Reply(body: Array(#"{"access_token":"abc"}"#.utf8)) },
            accepts: { $0["authorization"] == "Bearer abc" })
        #expect(try await server.client(.identityToken("s&t")).content(blob.descriptor) == blob.bytes)
        let post = try #require(server.requests.first)
        #expect(post.method == "POST")
        #expect(
            String(decoding: post.body, as: UTF8.self)
                == "service=the%20service&scope=repository%3Ax%3Apull&grant_type=refresh_token&client_id=skiff"
                + "&refresh_token=s%26t")
    }

    @Test func sendsARegistryTokenAsItIs() async throws {
        let server = try await registry(
            { _ in .missing }, accepts: { $0["authorization"] == "Bearer mine" })
        #expect(try await server.client(.registryToken("mine")).content(blob.descriptor) == blob.bytes)
        #expect(
            try await server.client(.registryToken("other")).failure(blob.descriptor)?.code
                == .unauthorized)
    }

    @Test func renewsATokenThatRanOutInTheMiddle() async throws {
        let blob = ScriptedBlob(pattern(2_000_000))
        let issued = Atomic(0)
        let server = try await ScriptedServer { request in
            if request.path.hasPrefix("/token") {
                let number = issued.add(1, ordering: .relaxed).newValue
                return Reply(body: Array("{\"token\":\"t\(number)\"}".utf8))
            }
            let challenge =
                "Bearer realm=\"http://\(request["host"] ?? "")/token\", error=\"invalid_token\""
            let refusal = Reply(status: .unauthorized, headers: ["www-authenticate": challenge])
            if request.path == "/v2/" { return refusal }
            // The first token is good for the first half only.
            if request["range"] == nil, request["authorization"] == "Bearer t1" {
                return blob.beginning(1_000_000, .stalled)
            }
            return request["authorization"] == "Bearer t2" ? blob.range(request) : refusal
        }
        #expect(
            try await server.client(stall: .seconds(2)).content(blob.descriptor) == blob.bytes)
        #expect(issued.load(ordering: .relaxed) == 2)
    }

    @Test func givesUpOnATokenThatIsNeverGood() async throws {
        let server = try await registry(
            { _ in Reply(body: Array(#"{"token":"abc"}"#.utf8)) }, accepts: { _ in false })
        #expect(try await server.client().failure(blob.descriptor)?.code == .unauthorized)
        #expect(server.requests.filter { !$0.path.hasPrefix("/token") }.count == 1)
    }

    @Test(arguments: ["{}", "", "[]", #"{"token":""}"#, #"{"token":"a\nb: c"}"#])
    func refusesAnAnswerWithoutToken(_ answer: String) async throws {
        let server = try await registry(
            { _ in Reply(body: Array(answer.utf8)) }, accepts: { _ in false })
        let error = try await server.client().failure(blob.descriptor)
        #expect(error?.code == .invalid)
        #expect(error?.reason.hasPrefix("obtain a token: the answer") == true)
    }

    @Test(arguments: ["ftp://h/token", "/token", ""]) func refusesAnUnusableRealm(_ realm: String)
        async throws
    {
        let server = try await ScriptedServer { _ in
            Reply(status: .unauthorized, headers: ["www-authenticate": "Bearer realm=\"\(realm)\""])
        }
        let error = try await server.client().failure(blob.descriptor)
        #expect(error?.reason == "obtain a token: the registry names no usable token server")
    }

    @Test func redirectsLoseCredentialsOnAnotherServer() async throws {
        let storage = try await ScriptedServer { [blob] in blob.range($0) }
        let target = "http://\(storage.address)/bucket/\(blob.descriptor.digest)?signature=x"
        let server = try await ScriptedServer { request in
            guard request["authorization"] == "Basic dTpw" else {
                return Reply(status: .unauthorized, headers: ["www-authenticate": "Basic realm=r"])
            }
            return Reply(status: .temporaryRedirect, headers: ["location": target])
        }
        let client = try server.client(.password(user: "u", password: "p"))
        #expect(try await client.content(blob.descriptor) == blob.bytes)
        #expect(storage.requests.map { $0["authorization"] } == [nil])
        #expect(storage.requests.map(\.path) == ["/bucket/\(blob.descriptor.digest)?signature=x"])
    }

    @Test func redirectsKeepCredentialsOnTheSameServer() async throws {
        let server = try await ScriptedServer { [blob] request in
            if request["authorization"] == nil {
                return Reply(status: .unauthorized, headers: ["www-authenticate": "Basic realm=r"])
            }
            if request.path == "/elsewhere" { return blob.range(request) }
            return Reply(status: .found, headers: ["location": "/elsewhere"])
        }
        let client = try server.client(.password(user: "u", password: "p"))
        #expect(try await client.content(blob.descriptor) == blob.bytes)
    }

    @Test func redirectsKeepTheRange() async throws {
        let large = ScriptedBlob(pattern(1_000_000))
        let storage = try await ScriptedServer { request in
            request["range"] == nil ? large.beginning(600_000, .stalled) : large.range(request)
        }
        let target = "http://\(storage.address)/b"
        let server = try await ScriptedServer { request in
            request.path == "/v2/" ? Reply() : Reply(status: .temporaryRedirect, headers: ["location": target])
        }
        #expect(
            try await server.client(stall: .seconds(2)).content(large.descriptor) == large.bytes)
        // Where it goes on depends on how much had come when it was taken for stalled.
        let ranges = storage.requests.map { $0["range"] }
        #expect(ranges.first == .some(nil))
        #expect(ranges.last??.hasPrefix("bytes=") == true)
        // The address of the storage is not remembered: such addresses expire.
        #expect(server.requests.count == ranges.count)
    }

    @Test(arguments: [
        ("/loop", "redirected more than 10 times"),
        ("ftp://h/x", "redirected to a URL that is not http or https"),
        ("", "redirected without a usable location"),
    ])
    func refusesBadRedirects(_ location: String, _ reason: String) async throws {
        let server = try await ScriptedServer { request in
            request.path == "/v2/" ? Reply() : Reply(status: .found, headers: ["location": location])
        }
        let error = try await server.client().failure(blob.descriptor)
        #expect(error?.code == .invalid)
        #expect(error?.reason == reason)
    }
}
