// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import OCIImageSpec
import Registry
import Synchronization
import TestSupport
import Testing

/// Against Debian's docker-registry.
@Suite struct RegistryClientTests {
    private func client(
        _ registry: DocumentRegistry, _ name: String, insecure: Bool = true, _ credentials: RegistryCredentials? = nil
    ) throws -> RegistryClient {
        var settings = RegistrySettings()
        settings.firstDelay = .milliseconds(5)
        if insecure { settings.insecure = [registry.address] }
        return Registries(settings).client(
            try Reference(parsing: "\(registry.address)/\(name)"), credentials: credentials)
    }

    private func content(_ client: RegistryClient, _ descriptor: Descriptor) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        try await client.blob(descriptor) { chunk in
            #expect(!chunk.isEmpty)
            bytes += chunk
        }
        return bytes
    }

    @Test func pullsAnImage() async throws {
        let registry = try DocumentRegistry()
        let layout = try ImageLayout(layers: [pattern(10), pattern(3_000_001), []])
        try registry.push(layout.source, as: "a/b/image:v1")
        let client = try client(registry, "a/b/image:v1")

        let byTag = try await client.manifest(.tag("v1"))
        #expect(byTag.bytes == layout.rootBytes)
        #expect(byTag.mediaType == .imageManifest)
        #expect(byTag.digest == layout.root.digest)
        #expect(try await client.manifest(.digest(layout.root.digest)) == byTag)
        #expect(try await client.resolve("v1") == byTag.digest)
        guard case .manifest(let manifest) = try byTag.document() else {
            Issue.record("not a manifest")
            return
        }
        #expect(manifest == layout.manifest)
        for (descriptor, bytes) in zip(manifest.layers, layout.layers) {
            #expect(try await content(client, descriptor) == bytes)
        }
        let config = try ImageConfig(parsing: await client.wholeBlob(manifest.config), subject: "config")
        #expect(config.rootfs.diffIDs == manifest.layers.map(\.digest))
    }

    @Test func pullsOnePlatformOfMany() async throws {
        let registry = try DocumentRegistry()
        let layout = try ImageLayout(layers: [pattern(9)], platforms: ["linux/arm64", "linux/amd64"])
        try registry.push(layout.source, as: "many:latest")
        let client = try client(registry, "many")
        guard case .index(let index) = try await client.manifest(client.reference.selector).document() else {
            Issue.record("not an index")
            return
        }
        let best = try #require(try Platform(parsing: "linux/amd64").best(of: index.manifests))
        let chosen = try await client.manifest(.digest(best.digest))
        guard case .manifest(let manifest) = try chosen.document() else {
            Issue.record("not a manifest")
            return
        }
        let config = try ImageConfig(parsing: await client.wholeBlob(manifest.config), subject: "config")
        #expect(config.platform.description == "linux/amd64")
    }

    @Test func saysWhatIsNotThere() async throws {
        let registry = try DocumentRegistry()
        let layout = try ImageLayout(layers: [pattern(9)])
        try registry.push(layout.source, as: "x:y")
        let present = try client(registry, "x:z")
        let error = await #expect(throws: RegistryError.self) { try await present.manifest(.tag("z")) }
        #expect(error?.code == .notFound)
        #expect(error?.status == 404)
        #expect(error?.details.map(\.code) == ["MANIFEST_UNKNOWN"])
        #expect(
            error?.description
                == "pull \"\(registry.address)/x:z\": manifest z: 404 Not Found: MANIFEST_UNKNOWN: manifest unknown")
        let absent = try client(registry, "nothing")
        let other = await #expect(throws: RegistryError.self) { try await absent.resolve("latest") }
        #expect(other?.code == .notFound)
        var missing = layout.manifest.layers[0]
        missing.digest = Digest(of: [1])
        let blob = await #expect(throws: RegistryError.self) { try await present.blob(missing) { _ in } }
        #expect(blob?.code == .notFound)
        #expect(blob?.details.map(\.code) == ["BLOB_UNKNOWN"])
    }

    @Test func checksTheStatedSize() async throws {
        let registry = try DocumentRegistry()
        let layout = try ImageLayout(layers: [pattern(1000)])
        try registry.push(layout.source, as: "x:y")
        let client = try client(registry, "x:y")
        for size: Int64 in [0, 999, 1001] {
            var wrong = layout.manifest.layers[0]
            wrong.size = size
            let error = await #expect(throws: RegistryError.self) { try await client.blob(wrong) { _ in } }
            #expect(error?.code == .invalid)
            #expect(error?.reason.contains("the registry has 1000 bytes, the manifest says \(size)") == true)
        }
    }

    @Test func authenticatesByPassword() async throws {
        let registry = try DocumentRegistry(.password)
        let layout = try ImageLayout(layers: [pattern(9)])
        try registry.push(layout.source, as: "x:y")
        let right = RegistryCredentials.password(user: DocumentRegistry.user, password: DocumentRegistry.password)
        #expect(try await client(registry, "x:y", right).manifest(.tag("y")).bytes == layout.rootBytes)
        for wrong in [nil, RegistryCredentials.password(user: DocumentRegistry.user, password: "x")] {
            let client = try client(registry, "x:y", wrong)
            let error = await #expect(throws: RegistryError.self) { try await client.manifest(.tag("y")) }
            #expect(error?.code == .unauthorized)
            #expect(error?.details.map(\.code) == ["UNAUTHORIZED"])
        }
    }

    @Test func checksCertificates() async throws {
        let registry = try DocumentRegistry(tls: true)
        let layout = try ImageLayout(layers: [pattern(700_000)])
        try registry.push(layout.source, as: "x:y")
        let trusting = try client(registry, "x:y")
        #expect(try await trusting.manifest(.tag("y")).bytes == layout.rootBytes)
        #expect(try await content(trusting, layout.manifest.layers[0]) == layout.layers[0])
        let checking = try client(registry, "x:y", insecure: false)
        let error = await #expect(throws: RegistryError.self) { try await checking.manifest(.tag("y")) }
        #expect(error?.code == .unavailable)
        #expect(error?.reason == "TLS with \(registry.address): its certificate is not trusted")
    }

    @Test func speaksPlainHTTPOnlyWhereDeclared() async throws {
        let registry = try DocumentRegistry()
        let client = try client(registry, "x:y", insecure: false)
        let error = await #expect(throws: RegistryError.self) { try await client.manifest(.tag("y")) }
        #expect(error?.code == .unavailable)
        #expect(error?.reason.contains("it does not speak TLS") == true, "\(error?.description ?? "")")
    }

    @Test(arguments: [true, false]) func refusedConnectionFailsAtOnce(insecure: Bool) async throws {
        // A port that no other test is given.
        let address = "127.0.0.1:1"
        var settings = RegistrySettings()
        settings.insecure = insecure ? [address] : []
        // A retry would be noticed.
        settings.firstDelay = .seconds(3600)
        let client = Registries(settings).client(try Reference(parsing: "\(address)/x"))
        let error = await #expect(throws: RegistryError.self) { try await client.manifest(.tag("latest")) }
        #expect(error?.description == "pull \"\(address)/x:latest\": connect to \(address): connection refused")
        #expect(error?.code == .unavailable)
    }

    @Test func unknownHostFailsAtOnce() async throws {
        var settings = RegistrySettings()
        settings.firstDelay = .seconds(3600)
        let client = Registries(settings).client(try Reference(parsing: "registry.invalid/x"))
        let error = await #expect(throws: RegistryError.self) { try await client.manifest(.tag("latest")) }
        #expect(error?.description == "pull \"registry.invalid/x:latest\": look up registry.invalid: no such host")
    }

    @Test func manyAtOnce() async throws {
        let registry = try DocumentRegistry()
        let layout = try ImageLayout(layers: (0..<20).map { pattern(100_000 + $0) })
        try registry.push(layout.source, as: "x:y")
        let client = try client(registry, "x:y")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (descriptor, bytes) in zip(layout.manifest.layers, layout.layers) {
                group.addTask {
                    let found = try await content(client, descriptor)
                    #expect(found == bytes)
                }
            }
            try await group.waitForAll()
        }
    }
}
