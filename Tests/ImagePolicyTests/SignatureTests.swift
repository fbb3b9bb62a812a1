// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import FoundationEssentials
import ImagePolicy
import Linux
import OCIImageSpec
import TestSupport
import Testing

/// Signatures made by gpg and openssl.
@Suite struct SignatureTests {
    private static let digest = Digest(of: [1, 2, 3])

    private static func payload(_ type: String, _ name: String, _ digest: Digest) -> String {
        """
        {"critical": {"identity": {"docker-reference": "\(name)"}, "image": {"docker-manifest-digest": "\(digest)"},
        "type": "\(type)"}, "optional": {"creator": "tests"}}
        """
    }

    private func policy(_ requirement: String) throws -> ImagePolicy {
        try ImagePolicy(parsing: Array(#"{"default": [\#(requirement)]}"#.utf8), subject: "policy.json")
    }

    /// The reason why the policy refuses the image, or nil.
    private func refusal(
        _ policy: ImagePolicy, _ name: String, _ signatures: [ImageSignature], _ digests: [Digest] = [digest]
    ) throws -> String? {
        let reference = try Reference(parsing: name)
        do throws(PolicyError) {
            try policy.check(reference, digests: digests, signatures)
            return nil
        } catch {
            return error.reason
        }
    }

    /// A keyring with one key, and what it signs.
    private struct GPG {
        let folder: TemporaryDirectory

        init() throws {
            folder = try TemporaryDirectory()
            try Syscall.makeDirectories("\(folder.path)/home", mode: 0o700)
            try run("--quick-gen-key", "signer@tests", "ed25519", "sign", "never")
            try run("--output", "\(folder.path)/keys", "--export")
            try run("--armor", "--output", "\(folder.path)/keys.asc", "--export")
        }

        func sign(_ text: String) throws -> ImageSignature {
            try AtomicFile.write("\(folder.path)/payload", text)
            try run("--yes", "--output", "\(folder.path)/message", "--sign", "\(folder.path)/payload")
            return .simple(try Syscall.readFile("\(folder.path)/message"))
        }

        private func run(_ words: String...) throws {
            try Command.run(
                [
                    "/usr/bin/gpg", "--batch", "--homedir", "\(folder.path)/home", "--passphrase", "",
                    "--pinentry-mode", "loopback",
                ]
                    + words)
        }

        /// gpg starts an agent that would stay.
        func close() {
            _ = try? Command.run(["/usr/bin/gpgconf", "--homedir", "\(folder.path)/home", "--kill", "all"])
        }
    }

    @Test func simpleSignaturesAreVerified() throws {
        let (own, other) = (try GPG(), try GPG())
        defer {
            own.close()
            other.close()
        }
        let type = "atomic container signature"
        let good = try own.sign(Self.payload(type, "a.example/x:1", Self.digest))
        for key in ["keys", "keys.asc"] {
            let policy = try policy(
                #"{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "\#(own.folder.path)/\#(key)"}"#)
            #expect(try refusal(policy, "a.example/x:1", [good]) == nil)
            #expect(try refusal(policy, "a.example/x@\(Self.digest)", [good]) == nil)
            #expect(try refusal(policy, "a.example/x:1", [])?.contains("there is none") == true)
            #expect(
                try refusal(policy, "a.example/x:2", [good])?.contains("it is for the name \"a.example/x:1\"") == true)
            #expect(
                try refusal(policy, "a.example/x:1", [good], [Digest(of: [])])?.contains("it is for another digest")
                    == true)
            let foreign = try other.sign(Self.payload(type, "a.example/x:1", Self.digest))
            #expect(try refusal(policy, "a.example/x:1", [foreign])?.contains("not by a key of the policy") == true)
            #expect(try refusal(policy, "a.example/x:1", [foreign, good]) == nil)
            let wrongType = try own.sign(Self.payload("cosign container image signature", "a.example/x:1", Self.digest))
            #expect(try refusal(policy, "a.example/x:1", [wrongType])?.contains("of another type") == true)
        }
        guard case .simple(var bytes) = good else { return }
        bytes[bytes.count - 5] ^= 1
        let policy = try policy(
            #"{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "\#(own.folder.path)/keys"}"#)
        #expect(try refusal(policy, "a.example/x:1", [.simple(bytes)]) != nil)
        #expect(try refusal(policy, "a.example/x:1", [.simple([])]) != nil)
    }

    @Test(arguments: [
        ["ecparam", "-genkey", "-name", "prime256v1", "-noout"],
        ["ecparam", "-genkey", "-name", "secp384r1", "-noout"],
        ["genrsa", "2048"],
    ])
    func sigstoreSignaturesAreVerified(making key: [String]) throws {
        let folder = try TemporaryDirectory()
        let path = folder.path
        func sign(_ text: String, _ name: String) throws -> ImageSignature {
            try AtomicFile.write("\(path)/payload", text)
            try Command.run([
                "/usr/bin/openssl", "dgst", "-sha256", "-sign", "\(path)/\(name)", "-out", "\(path)/signature",
                "\(path)/payload",
            ])
            return .sigstore(payload: Array(text.utf8), signature: try Syscall.readFile("\(path)/signature"))
        }
        for name in ["key", "other"] {
            try AtomicFile.write("\(path)/\(name)", try Command.run(["/usr/bin/openssl"] + key))
            let kind = key[0] == "genrsa" ? "rsa" : "ec"
            try Command.run([
                "/usr/bin/openssl", kind, "-in", "\(path)/\(name)", "-pubout", "-out", "\(path)/\(name).pub",
            ])
        }
        let text = Self.payload("cosign container image signature", "a.example/x", Self.digest)
        let good = try sign(text, "key")
        let policy = try policy(
            #"{"type": "sigstoreSigned", "keyPath": "\#(path)/key.pub", "signedIdentity": {"type": "matchRepository"}}"#
        )
        #expect(try refusal(policy, "a.example/x:7", [good]) == nil)
        #expect(try refusal(policy, "a.example/y:7", [good])?.contains("it is for the name") == true)
        #expect(try refusal(policy, "a.example/x:7", [try sign(text, "other")])?.contains("not by a key") == true)
        #expect(try refusal(policy, "a.example/x:7", [])?.contains("sigstore signature, and there is none") == true)
        guard case .sigstore(let payload, let signature) = good else { return }
        #expect(try refusal(policy, "a.example/x:7", [.sigstore(payload: payload + [32], signature: signature)]) != nil)
        #expect(try refusal(policy, "a.example/x:7", [.sigstore(payload: payload, signature: [])]) != nil)
    }

    @Test(arguments: [
        (#"{"type": "matchExact"}"#, "a.example/x:1", "a.example/x:1", true),
        (#"{"type": "matchExact"}"#, "a.example/x:1", "a.example/x:2", false),
        (#"{"type": "exactReference", "dockerReference": "s.example/y:1"}"#, "s.example/y:1", "a.example/x:1", true),
        (#"{"type": "exactReference", "dockerReference": "s.example/y:1"}"#, "a.example/x:1", "a.example/x:1", false),
        (#"{"type": "exactRepository", "dockerRepository": "s.example/y"}"#, "s.example/y:9", "a.example/x:1", true),
        (
            #"{"type": "remapIdentity", "prefix": "a.example", "signedPrefix": "s.example/up"}"#, "s.example/up/x:1",
            "a.example/x:1", true
        ),
        (
            #"{"type": "remapIdentity", "prefix": "a.example", "signedPrefix": "s.example/up"}"#, "a.example/x:1",
            "a.example/x:1", false
        ),
        (
            #"{"type": "remapIdentity", "prefix": "b.example", "signedPrefix": "s.example/up"}"#, "a.example/x:1",
            "a.example/x:1", true
        ),
    ])
    func identitiesAreMatched(identity: String, signed: String, name: String, accepted: Bool) throws {
        let folder = try TemporaryDirectory()
        let path = folder.path
        try Command.run([
            "/usr/bin/openssl", "ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", "\(path)/key",
        ])
        try Command.run(["/usr/bin/openssl", "ec", "-in", "\(path)/key", "-pubout", "-out", "\(path)/pub"])
        let text = Self.payload("cosign container image signature", signed, Self.digest)
        try AtomicFile.write("\(path)/payload", text)
        try Command.run([
            "/usr/bin/openssl", "dgst", "-sha256", "-sign", "\(path)/key", "-out", "\(path)/signature",
            "\(path)/payload",
        ])
        let signature = ImageSignature.sigstore(
            payload: Array(text.utf8), signature: try Syscall.readFile("\(path)/signature"))
        let policy = try policy(
            #"{"type": "sigstoreSigned", "keyPath": "\#(path)/pub", "signedIdentity": \#(identity)}"#)
        #expect((try refusal(policy, name, [signature]) == nil) == accepted)
    }
}
