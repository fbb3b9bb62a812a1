// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import FoundationEssentials
import ImagePolicy
import ImageSources
import Linux
import OCIImageSpec
import Registry
import TestSupport
import Testing

/// policy.json at work: when an image is pulled, and when it is used.
@Suite struct PolicyInForceTests {
    private let layer = [UInt8](repeating: 7, count: 1000)

    private func makeKey(_ bench: Bench) throws {
        try Command.run([
            "/usr/bin/openssl", "ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", "\(bench.path)/key",
        ])
        try Command.run(["/usr/bin/openssl", "ec", "-in", "\(bench.path)/key", "-pubout", "-out", "\(bench.path)/pub"])
    }

    /// Where a signature is put.
    enum Place: CaseIterable {
        /// Under the tag that is made of the digest.
        case tag
        /// In a manifest that refers to the image; the registry of the tests keeps no list of these, so that an index does.
        case referrer
    }

    /// Puts a signature beside an image as cosign does.
    private func sign(
        _ digest: Digest, as name: String, _ bench: Bench, _ sources: ImageSources, at place: Place = .tag
    ) async throws {
        let text = """
            {"critical":{"identity":{"docker-reference":"\(name)"},"image":{"docker-manifest-digest":"\(digest)"},\
            "type":"cosign container image signature"},"optional":null}
            """
        try bench.write("payload", text)
        try Command.run([
            "/usr/bin/openssl", "dgst", "-sha256", "-sign", "\(bench.path)/key", "-out", "\(bench.path)/signature",
            "\(bench.path)/payload",
        ])
        let memory = Memory(layer: Array(text.utf8))
        let suffix = place == .tag ? ".sig" : ""
        let target = try await sources.destination(
            try Reference(parsing: "\(name):sha256-\(digest.hex)\(suffix)"))
        for blob in [memory.config, memory.layer] { _ = try await target.put(memory.descriptor(blob), from: memory) }
        var layer = memory.descriptor(memory.layer)
        layer.mediaType = MediaType(rawValue: ImageSignature.sigstoreMediaType)
        let signature = Data(try Syscall.readFile("\(bench.path)/signature")).base64EncodedString()
        layer.annotations = [ImageSignature.sigstoreAnnotation: signature]
        let manifest = try FetchedManifest(
            bytes: [UInt8](
                JSONEncoder().encode(Manifest(config: memory.descriptor(memory.config), layers: [layer]))),
            statedType: .imageManifest, subject: "made")
        guard place == .referrer else { return try await target.put(manifest, as: target.reference.selector) }
        try await target.put(manifest, as: .digest(manifest.digest))
        var entry = manifest.descriptor
        entry.artifactType = MediaType(rawValue: ImageSignature.sigstoreArtifact)
        let index = try FetchedManifest(
            bytes: [UInt8](JSONEncoder().encode(Index(manifests: [entry]))), statedType: .imageIndex, subject: "made")
        try await target.put(index, as: target.reference.selector)
    }

    private func refusal(_ work: () async throws -> Void) async throws -> String? {
        do {
            try await work()
            return nil
        } catch let error as PolicyError {
            return error.reason
        }
    }

    @Test(arguments: Place.allCases) func aSignatureBesideTheImageIsAskedForAndKept(place: Place) async throws {
        let bench = try Bench()
        try makeKey(bench)
        let registry = try DocumentRegistry()
        let sources = bench.sources(insecure: [registry.address])
        let name = "\(registry.address)/team/x"
        let reference = try Reference(parsing: "\(name):1")
        let manifest = try await bench.push(layer, to: sources, as: "\(name):1")
        try bench.write(
            "policy.json",
            #"{"default": [{"type": "reject"}], "transports": {"docker": {"\#(registry.address)/team": [{"type": "sigstoreSigned", "keyPath": "\#(bench.path)/pub", "signedIdentity": {"type": "matchRepository"}}]}}}"#
        )
        func pull() async throws -> String? {
            try await refusal { _ = try await sources.source(reference).layer(reference) }
        }
        #expect(try await pull()?.contains("there is none") == true)
        try await sign(manifest.digest, as: name, bench, sources, at: place)
        // Nobody says that the registry has signatures.
        #expect(try await pull()?.contains("there is none") == true)
        try bench.write(
            "registries.d/own.yaml", "docker:\n  \(registry.address):\n    use-sigstore-attachments: true\n")
        #expect(try await pull() == nil)
        // What is used is judged by what was kept, also when the registry is gone, and by the policy of now.
        let alone = bench.sources(insecure: [])
        func use() async throws -> String? {
            try await refusal { try await alone.admit([reference], digests: [manifest.digest]) }
        }
        #expect(try await use() == nil)
        // It stays as long as the image does; one of an image that is gone goes, when it is no pull's of this moment.
        let kept = "\(bench.path)/root/signatures/sha256/\(manifest.digest.hex).json"
        try alone.forgetSignatures(except: [])
        #expect(Syscall.exists(kept))
        let folder = try Syscall.open("\(bench.path)/root/signatures/sha256", [.directory])
        try Syscall.setTimes(
            RawName("\(manifest.digest.hex).json"), modified: Timestamp(seconds: 1, nanoseconds: 0), at: folder.rawValue
        )
        try alone.forgetSignatures(except: [manifest.digest])
        #expect(try await use() == nil)
        try alone.forgetSignatures(except: [Digest(of: [1])])
        #expect(!Syscall.exists(kept))
        await #expect(throws: (any Error).self) { try await alone.admit([reference], digests: [manifest.digest]) }
        #expect(try await pull() == nil)
        try makeKey(bench)
        await #expect(throws: (any Error).self) { try await alone.admit([reference], digests: [manifest.digest]) }
        try bench.write("policy.json", #"{"default": [{"type": "reject"}]}"#)
        #expect(try await use() == "the policy rejects it")
        try bench.write("policies/trusted.json", #"{"default": [{"type": "insecureAcceptAnything"}]}"#)
        try await alone.admit([reference], digests: [manifest.digest], namespace: "trusted")
        try bench.write("policy.json", #"{"default": [{"type": "insecureAcceptAnything"}], "x": 1}"#)
        #expect(try await use()?.contains("unknown key") == true)
    }

    @Test func aSignatureOfTheIndexVouchesForItsManifests() async throws {
        let bench = try Bench()
        try makeKey(bench)
        let registry = try DocumentRegistry()
        let sources = bench.sources(insecure: [registry.address])
        let name = "\(registry.address)/x"
        let manifest = try await bench.push(layer, to: sources, as: "\(name):single")
        let index = try FetchedManifest(
            bytes: [UInt8](JSONEncoder().encode(Index(manifests: [manifest.descriptor]))), statedType: .imageIndex,
            subject: "made")
        let target = try await sources.destination(try Reference(parsing: "\(name):many"))
        try await target.put(index, as: .tag("many"))
        try bench.write("registries.d/own.yaml", "default-docker: {use-sigstore-attachments: true}\n")
        try bench.write(
            "policy.json",
            #"{"default": [{"type": "sigstoreSigned", "keyPath": "\#(bench.path)/pub", "signedIdentity": {"type": "matchRepository"}}]}"#
        )
        let reference = try Reference(parsing: "\(name):many")
        func pull() async throws -> String? {
            try await refusal {
                let source = try await sources.source(reference)
                #expect(try await source.manifest(reference.selector) == index)
                #expect(try await source.manifest(.digest(manifest.digest)) == manifest)
                let wanted = Descriptor(mediaType: .layer, digest: Digest(of: layer), size: Int64(layer.count))
                #expect(try await source.wholeBlob(wanted) == layer)
            }
        }
        #expect(try await pull()?.contains("there is none") == true)
        try await sign(index.digest, as: name, bench, sources)
        #expect(try await pull() == nil)
    }

    @Test func simpleSignaturesComeFromTheLookaside() async throws {
        let bench = try Bench()
        let registry = try DocumentRegistry()
        let sources = bench.sources(insecure: [registry.address])
        let reference = try Reference(parsing: "\(registry.address)/team/x:1")
        let manifest = try await bench.push(layer, to: sources, as: reference.description)
        let home = "\(bench.path)/home"
        try Syscall.makeDirectories(home, mode: 0o700)
        defer { _ = try? Command.run(["/usr/bin/gpgconf", "--homedir", home, "--kill", "all"]) }
        let gpg = ["/usr/bin/gpg", "--batch", "--homedir", home, "--passphrase", "", "--pinentry-mode", "loopback"]
        try Command.run(gpg + ["--quick-gen-key", "signer@tests", "ed25519", "sign", "never"])
        try Command.run(gpg + ["--output", "\(bench.path)/keys", "--export"])
        try bench.write(
            "payload",
            """
            {"critical": {"identity": {"docker-reference": "\(reference)"}, "image": {"docker-manifest-digest":
            "\(manifest.digest)"}, "type": "atomic container signature"}, "optional": {}}
            """)
        let place = "\(bench.path)/lookaside/team/x@sha256=\(manifest.digest.hex)"
        try Syscall.makeDirectories(place)
        try Command.run(gpg + ["--output", "\(place)/signature-1", "--sign", "\(bench.path)/payload"])
        try bench.write("registries.d/own.yaml", "default-docker:\n  lookaside: file://\(bench.path)/lookaside\n")
        try bench.write(
            "policy.json",
            #"{"default": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "\#(bench.path)/keys"}]}"#)
        #expect(try await sources.source(reference).layer(reference) == layer)
        let other = try Reference(parsing: "\(registry.address)/team/y:1")
        try await bench.push(layer, to: sources, as: other.description)
        let reason = try await refusal { _ = try await sources.source(other).layer(other) }
        #expect(reason?.contains("there is none") == true)
    }
}
