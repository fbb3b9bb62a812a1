// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import NIOHTTP1
import NIOSSL
import OCIImageSpec
import Registry
import TestSupport
import Testing

/// Our certificate is for the registry that it is configured for, and shown to no server that the registry leads to.
@Suite struct ClientCertificateTests {
    typealias Reply = ScriptedServer.Reply

    private let certificates: RegistryCertificates
    private let tls: TLSConfiguration
    /// Too long to be sent in one piece.
    private let blob = ScriptedBlob(pattern(9_000_001))

    /// One certificate for everybody, which is its own authority.
    init() throws {
        let folder = try TemporaryDirectory()
        let (path, key) = ("\(folder.path)/certificate", "\(folder.path)/key")
        try DocumentRegistry.makeCertificate(path, key: key)
        let client = RegistryCertificates.Client(
            certificate: try Syscall.readFile(path), key: try Syscall.readFile(key))
        certificates = RegistryCertificates(authorities: [client.certificate], client: client)
        let chain = try NIOSSLCertificate.fromPEMBytes(client.certificate)
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: client.key, format: .pem)))
        // Asks for a certificate, and takes those who have none as well.
        tls.certificateVerification = .optionalVerification
        tls.trustRoots = .certificates(chain)
        self.tls = tls
    }

    private func client(_ server: ScriptedServer, _ access: RegistryAccess) throws -> RegistryClient {
        let location = RegistryLocation(domain: server.address, path: "x", certificates: certificates)
        return Registries(RegistrySettings()).client(
            try Reference(parsing: "\(server.address)/x"), at: location, access: access)
    }

    private func expectShown(_ server: ScriptedServer, _ other: ScriptedServer) {
        #expect(!server.requests.isEmpty && server.requests.allSatisfy(\.hasCertificate))
        #expect(!other.requests.isEmpty && !other.requests.contains(where: \.hasCertificate))
    }

    @Test func redirectsLoseIt() async throws {
        let storage = try await ScriptedServer(tls: tls) { [blob] in blob.range($0) }
        let target = "https://\(storage.address)/bucket"
        let server = try await ScriptedServer(tls: tls) { request in
            request.path == "/v2/" ? Reply() : Reply(status: .temporaryRedirect, headers: ["location": target])
        }
        #expect(try await client(server, .pull).content(blob.descriptor) == blob.bytes)
        expectShown(server, storage)
    }

    @Test(arguments: [100, 9_000_001]) func uploadsLoseIt(size: Int) async throws {
        let blob = ScriptedBlob(Array(blob.bytes.prefix(size)))
        let storage = try await ScriptedServer(tls: tls) { request in
            Reply(status: request.method == "PUT" ? .created : .accepted, headers: ["location": request.path])
        }
        let target = "https://\(storage.address)/upload"
        let server = try await ScriptedServer(tls: tls) { request in
            switch (request.path, request.method) {
            case ("/v2/", _): Reply()
            case (_, "POST"): Reply(status: .accepted, headers: ["location": target])
            default: .missing
            }
        }
        #expect(try await client(server, .push).put(blob.descriptor, from: MemorySource([blob.bytes])) == .stored)
        expectShown(server, storage)
    }
}
