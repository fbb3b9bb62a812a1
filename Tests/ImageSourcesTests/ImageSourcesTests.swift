// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ImageSources
import Linux
import OCIImageSpec
import Registry
import TestSupport
import Testing

/// Files of the administrator, against Debian's docker-registry.
@Suite struct ImageSourcesTests {
    private let layer = [UInt8](repeating: 7, count: 100_000)

    @Test func aMirrorIsAskedFirstAndThePlaceItselfAfterIt() async throws {
        let bench = try Bench()
        let (upstream, mirror) = (try DocumentRegistry(), try DocumentRegistry())
        let sources = bench.sources(insecure: [upstream.address, mirror.address])
        let own = [UInt8](repeating: 8, count: 10)
        try await bench.push(layer, to: sources, as: "\(mirror.address)/hub/library/x:1")
        try await bench.push(own, to: sources, as: "\(upstream.address)/library/y:1")
        try bench.write(
            "registries.conf",
            """
            [[registry]]
            prefix = "docker.io"
            location = "\(upstream.address)"
            [[registry.mirror]]
            location = "\(mirror.address)/hub"
            """)
        for (name, bytes) in [("x:1", layer), ("y:1", own)] {
            let reference = try Reference(parsing: name)
            #expect(try await sources.source(reference).layer(reference) == bytes)
        }
        #expect(try await sources.tags(Reference(parsing: "x")) == ["1"])
        // Each place is told, with its reason.
        let absent = try Reference(parsing: "z:1")
        let source = try await sources.source(absent)
        let error = await #expect(throws: RegistryError.self) { try await source.manifest(absent.selector) }
        #expect(error?.code == .notFound)
        #expect(
            error?.description == """
                pull "z:1": tried 2 places: \(mirror.address)/hub/library/z: manifest 1: 404 Not Found: MANIFEST_UNKNOWN: \
                manifest unknown; \(upstream.address)/library/z: manifest 1: 404 Not Found: MANIFEST_UNKNOWN: manifest unknown
                """)
    }

    @Test func aMirrorThatIsDownIsPassedOver() async throws {
        let bench = try Bench()
        let registry = try DocumentRegistry()
        // A port that no other test is given.
        let down = "127.0.0.1:1"
        let sources = bench.sources(insecure: [registry.address, down])
        try await bench.push(layer, to: sources, as: "\(registry.address)/x:1")
        try bench.write(
            "registries.conf",
            "[[registry]]\nlocation = \"\(registry.address)\"\n[[registry.mirror]]\nlocation = \"\(down)/m\"\n")
        let reference = try Reference(parsing: "\(registry.address)/x:1")
        #expect(try await sources.source(reference).layer(reference) == layer)
    }

    @Test func aRegistryThatMirrorsAnotherServesItsImages() async throws {
        let bench = try Bench()
        let upstream = try DocumentRegistry()
        let mirror = try DocumentRegistry(remote: "http://\(upstream.address)")
        let sources = bench.sources(insecure: [upstream.address, mirror.address])
        try await bench.push(layer, to: sources, as: "\(upstream.address)/team/x:1")
        try bench.write(
            "registries.conf",
            """
            [[registry]]
            prefix = "registry.invalid"
            location = "registry.invalid"
            [[registry.mirror]]
            location = "\(mirror.address)"
            """)
        let reference = try Reference(parsing: "registry.invalid/team/x:1")
        #expect(try await sources.source(reference).layer(reference) == layer)
    }

    @Test func credentialsAreForTheirRegistryOnly() async throws {
        let bench = try Bench()
        let (registry, other) = (try DocumentRegistry(.password), try DocumentRegistry(.password))
        let sources = bench.sources(insecure: [registry.address, other.address])
        // alice:open sesame
        try bench.write("auth.json", #"{"auths": {"\#(registry.address)": {"auth": "YWxpY2U6b3BlbiBzZXNhbWU="}}}"#)
        try await bench.push(layer, to: sources, as: "\(registry.address)/x:1")
        let reference = try Reference(parsing: "\(registry.address)/x:1")
        #expect(try await sources.source(reference).layer(reference) == layer)
        let good = RegistryCredentials.password(user: DocumentRegistry.user, password: DocumentRegistry.password)
        let wrong = RegistryCredentials.password(user: "mallory", password: "x")
        // Those of the request come before those of the file.
        let refused = try await sources.source(reference, credentials: wrong)
        let error = await #expect(throws: RegistryError.self) { try await refused.manifest(reference.selector) }
        #expect(error?.code == .unauthorized)
        // A mirror elsewhere does not get the request's.
        try bench.write(
            "registries.conf",
            "[[registry]]\nlocation = \"registry.invalid\"\n[[registry.mirror]]\nlocation = \"\(other.address)\"\n")
        let mirrored = try Reference(parsing: "registry.invalid/x:1")
        let source = try await sources.source(mirrored, credentials: good)
        let second = await #expect(throws: RegistryError.self) { try await source.manifest(mirrored.selector) }
        #expect(second?.reason.contains("\(other.address)/x: manifest 1: 401 Unauthorized") == true)
    }

    @Test func credentialsOfANamespaceReachMirrorsOnce() async throws {
        let bench = try Bench()
        let mirror = try DocumentRegistry(.password)
        let sources = bench.sources(insecure: [mirror.address])
        let auth = #"{"auths": {"\#(mirror.address)": {"auth": "YWxpY2U6b3BlbiBzZXNhbWU="}}}"#
        try bench.write("auth.json", auth)
        try await bench.push(layer, to: sources, as: "\(mirror.address)/x:1")
        try bench.write("auth.json", "")
        try bench.write(
            "registries.conf",
            "[[registry]]\nlocation = \"registry.invalid\"\n[[registry.mirror]]\nlocation = \"\(mirror.address)\"\n")
        let reference = try Reference(parsing: "registry.invalid/x:1")
        let hash = Digest(of: Array("registry.invalid/x".utf8)).hex
        try bench.write("auth/team-\(hash).json", auth)
        #expect(try await sources.takeCredentials(for: reference, namespace: "others") == nil)
        let left = try await sources.takeCredentials(for: reference, namespace: "team")
        #expect(try await sources.source(reference, left: left, namespace: "team").layer(reference) == layer)
        #expect(try await sources.takeCredentials(for: reference, namespace: "team") == nil)
        let without = try await sources.source(reference, namespace: "team")
        let error = await #expect(throws: RegistryError.self) { try await without.manifest(reference.selector) }
        #expect(error?.reason.contains("401 Unauthorized") == true)
    }

    @Test func certificatesProveBothSides() async throws {
        let bench = try Bench()
        try DocumentRegistry.makeCertificate("\(bench.path)/me.cert", key: "\(bench.path)/me.key")
        let registry = try DocumentRegistry(tls: true, clientAuthority: "\(bench.path)/me.cert")
        let sources = bench.sources()
        let name = "\(registry.address)/x:1"
        let reference = try Reference(parsing: name)
        func failure() async -> RegistryError? {
            await #expect(throws: RegistryError.self) {
                try await sources.source(reference).manifest(reference.selector)
            }
        }
        #expect(await failure()?.reason == "TLS with \(registry.address): its certificate is not trusted")
        try bench.write("certs.d/\(registry.address)/ca.crt", try Syscall.readText(registry.certificate))
        #expect(await failure()?.code == .unavailable)
        for file in ["me.cert", "me.key"] {
            try bench.write("certs.d/\(registry.address)/\(file)", try Syscall.readText("\(bench.path)/\(file)"))
        }
        try await bench.push(layer, to: sources, as: name)
        #expect(try await sources.source(reference).layer(reference) == layer)
    }

    @Test func blobsMayBeInAnotherPlaceThanTheManifest() async throws {
        let bench = try Bench()
        let (whole, half) = (try DocumentRegistry(), try DocumentRegistry())
        let sources = bench.sources(insecure: [whole.address, half.address])
        let manifest = try await bench.push(layer, to: sources, as: "\(whole.address)/x:1")
        try await bench.push(layer, to: sources, as: "\(half.address)/x:1")
        // The mirror loses its layer.
        let digest = Digest(of: layer)
        try Syscall.removeTree(
            "\(half.storage)/docker/registry/v2/blobs/sha256/\(digest.hex.prefix(2))/\(digest.hex)")
        try bench.write(
            "registries.conf",
            "[[registry]]\nlocation = \"\(whole.address)\"\n[[registry.mirror]]\nlocation = \"\(half.address)\"\n")
        let reference = try Reference(parsing: "\(whole.address)/x@\(manifest.digest)")
        #expect(try await sources.source(reference).layer(reference) == layer)
    }
}
