// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import FoundationEssentials
import NIOHTTP1
import OCIImageSpec
import Registry
import Testing

/// What refers to an image, from registries that keep lists of it and from others.
@Suite struct ReferrerTests {
    private static let digest = Digest(of: [1])
    private static let type = MediaType(rawValue: "application/vnd.example.sig.v1+json")

    private static func entry(_ number: UInt8, _ type: MediaType = type) -> Descriptor {
        Descriptor(mediaType: .imageManifest, digest: Digest(of: [number]), size: 1, artifactType: type)
    }

    private static func reply(_ entries: [Descriptor], link: String? = nil) -> ScriptedServer.Reply {
        // Encoding what was just built cannot fail.
        let bytes = (try? JSONEncoder().encode(Index(manifests: entries))).map { [UInt8]($0) } ?? []
        var headers: HTTPHeaders = ["content-type": MediaType.imageIndex.rawValue]
        if let link { headers.add(name: "link", value: link) }
        return ScriptedServer.Reply(headers: headers, body: bytes)
    }

    @Test func listsComeInPagesAndAreSelected() async throws {
        let path = "/v2/x/referrers/\(Self.digest)"
        let server = try await ScriptedServer { request in
            switch request.path {
            case "/v2/": ScriptedServer.Reply()
            case "\(path)?artifactType=application/vnd.example.sig.v1%2Bjson":
                Self.reply(
                    [Self.entry(2), Self.entry(3, MediaType(rawValue: "application/other"))],
                    link: "<\(path)?page=2>; rel=\"next\"")
            case "\(path)?page=2": Self.reply([Self.entry(4)])
            default: .missing
            }
        }
        let found = try await server.client().referrers(of: Self.digest, artifactType: Self.type)
        #expect(found == [Self.entry(2), Self.entry(4)])
    }

    @Test(arguments: [404, 403, 400, 405]) func aTagStandsInForTheList(status: Int) async throws {
        let server = try await ScriptedServer { request in
            if request.path == "/v2/" { return ScriptedServer.Reply() }
            if request.path.hasPrefix("/v2/x/referrers/") {
                return ScriptedServer.Reply(status: HTTPResponseStatus(statusCode: status))
            }
            guard request.path == "/v2/x/manifests/sha256-\(Self.digest.hex)" else { return .missing }
            return Self.reply([Self.entry(5), Self.entry(6, MediaType(rawValue: "application/other"))])
        }
        let found = try await server.client().referrers(of: Self.digest, artifactType: Self.type)
        #expect(found == [Self.entry(5)])
    }

    @Test func noneIsNoError() async throws {
        let server = try await ScriptedServer { $0.path == "/v2/" ? ScriptedServer.Reply() : .missing }
        #expect(try await server.client().referrers(of: Self.digest, artifactType: Self.type).isEmpty)
    }

    /// That a list cannot be had is not the same as that it is empty.
    @Test func aRegistryOutOfOrderIsAnError() async throws {
        let server = try await ScriptedServer { request in
            request.path == "/v2/" ? ScriptedServer.Reply() : ScriptedServer.Reply(status: .internalServerError)
        }
        let client = try server.client()
        let error = await #expect(throws: RegistryError.self) {
            try await client.referrers(of: Self.digest, artifactType: Self.type)
        }
        #expect(error?.code == .unavailable)
    }
}
