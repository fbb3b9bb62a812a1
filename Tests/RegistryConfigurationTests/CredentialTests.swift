// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import OCIImageSpec
import RegistryConfiguration
import TestSupport
import Testing

/// auth.json, config.json, helper programs, certs.d.
@Suite struct CredentialTests {
    private static let document = #"""
        {"auths": {
            "a.example": {"auth": "YWxpY2U6b3BlbiBzZXNhbWU="},
            "a.example/team": {"auth": "Ym9iOmE6Yg=="},
            "a.example/team/app": {"identitytoken": "id"},
            "https://index.docker.io/v1/": {"username": "hub", "password": "p"},
            "https://b.example/v2/": {"registrytoken": "t"},
            "empty.example": {}
        }}
        """#

    private func credentials(
        _ files: [String], for name: String, path: String = "/nonexistent", timeout: Duration = .seconds(60)
    ) throws -> RegistryCredentials? {
        let reference = try Reference(parsing: name)
        return try CredentialFiles(files, environment: ["PATH": "\(path):/usr/bin:/bin"], timeout: timeout)
            .credentials(for: RegistryLocation(domain: reference.domain, path: reference.path))
    }

    @Test(arguments: [
        ("a.example/other", RegistryCredentials.password(user: "alice", password: "open sesame")),
        ("a.example/team/x/y", .password(user: "bob", password: "a:b")),
        ("a.example/team/app", .identityToken("id")),
        // A key ends where a component ends.
        ("a.example/team/apps", .password(user: "bob", password: "a:b")),
        ("busybox", .password(user: "hub", password: "p")),
        ("b.example/x", .registryToken("t")),
        ("empty.example/x", nil), ("c.example/x", nil),
    ])
    func theMostSpecificKeyCounts(name: String, expected: RegistryCredentials?) throws {
        let folder = try TemporaryDirectory()
        try AtomicFile.write("\(folder.path)/auth.json", Self.document)
        #expect(try credentials(["/nonexistent/auth.json", "\(folder.path)/auth.json"], for: name) == expected)
    }

    @Test func thoseOfOnePullComeFirstAndAreUsedUp() throws {
        let folder = try TemporaryDirectory()
        let reference = try Reference(parsing: "quay.io/crio/fedora-crio-ci:latest")
        // The SHA-256 of "quay.io/crio/fedora-crio-ci", as crio-credential-provider computes it.
        let hash = "7aa25047c59c6c2e20b839f5b9820e3702dade4a97154d4df1f5cd1a9b44cfde"
        let (file, others) = ("\(folder.path)/team-\(hash).json", "\(folder.path)/auth.json")
        let text =
            #"{"auths": {"a.example": {"username": "team", "password": "p"}, "other.example": {"auth": "eDp5"}}}"#
        try AtomicFile.write(file, text)
        try AtomicFile.write(others, Self.document)
        for namespace in ["", "other", "../team", ".team", "x/team"] {
            #expect(try OneTimeCredentials(taking: reference, namespace: namespace, from: folder.path) == nil)
        }
        let left = try #require(try OneTimeCredentials(taking: reference, namespace: "team", from: folder.path))
        #expect(!Syscall.exists(file) && Syscall.exists(others))
        #expect(try OneTimeCredentials(taking: reference, namespace: "team", from: folder.path) == nil)
        let files = CredentialFiles([others], after: left, environment: [:])
        func found(_ domain: String) throws -> RegistryCredentials? {
            try files.credentials(for: RegistryLocation(domain: domain, path: "x"))
        }
        #expect(try found("a.example") == .password(user: "team", password: "p"))
        // What it does not know is in the files.
        #expect(try found("b.example") == .registryToken("t"))
    }

    @Test func oneThatIsBrokenIsNamed() throws {
        let folder = try TemporaryDirectory()
        let reference = try Reference(parsing: "x")
        let file = "\(folder.path)/n-\(Digest(of: Array("docker.io/library/x".utf8)).hex).json"
        try AtomicFile.write(file, "{")
        let error = #expect(throws: RegistryConfigurationError.self) {
            try OneTimeCredentials(taking: reference, namespace: "n", from: folder.path)
        }
        #expect(error?.subject == file)
    }

    @Test func aBrokenFileIsNamedButNotTold() throws {
        let folder = try TemporaryDirectory()
        let file = "\(folder.path)/auth.json"
        for text in ["{\"auths\": \"secret\"}", #"{"auths": {"a.example": {"auth": "c2VjcmV0"}}}"#] {
            try AtomicFile.write(file, text)
            let error = #expect(throws: RegistryConfigurationError.self) { try credentials([file], for: "a.example/x") }
            #expect(error?.subject == file)
            #expect(error?.description.contains("secret") == false)
        }
    }

    @Test func helpersAreAsked() throws {
        let folder = try TemporaryDirectory()
        try Executable.write(
            "\(folder.path)/docker-credential-test",
            """
            #!/bin/sh
            [ "$1" = get ] || exit 3
            read -r server
            case $server in
            a.example) echo '{"ServerURL":"a.example","Username":"alice","Secret":"s"}' ;;
            b.example) echo '{"Username":"<token>","Secret":"id"}' ;;
            https://index.docker.io/v1/) echo '{"Username":"hub","Secret":"s"}' ;;
            slow.example) sleep 600 ;;
            broken.example) echo "no such keyring" >&2; exit 1 ;;
            *) echo "credentials not found in native keychain"; exit 1 ;;
            esac
            """)
        let file = "\(folder.path)/config.json"
        try AtomicFile.write(
            file,
            #"{"auths": {"a.example": {}}, "credHelpers": {"a.example": "test", "missing.example": "missing"}, "credsStore": "test"}"#
        )
        func ask(_ name: String, _ timeout: Duration = .seconds(60)) throws -> RegistryCredentials? {
            try credentials([file], for: name, path: folder.path, timeout: timeout)
        }
        #expect(try ask("a.example/x") == .password(user: "alice", password: "s"))
        #expect(try ask("b.example/x") == .identityToken("id"))
        #expect(try ask("busybox") == .password(user: "hub", password: "s"))
        #expect(try ask("c.example/x") == nil)
        for (name, reason) in [
            ("missing.example/x", "no program \"docker-credential-missing\""), ("broken.example/x", "no such keyring"),
        ] {
            let error = #expect(throws: RegistryConfigurationError.self) { try ask(name) }
            #expect(error?.reason.contains(reason) == true)
        }
        let error = #expect(throws: RegistryConfigurationError.self) { try ask("slow.example/x", .seconds(1)) }
        #expect(error?.reason.contains("took longer than 1.0 seconds") == true)
    }

    @Test func certificatesOfTheFirstFolderCount() throws {
        let folder = try TemporaryDirectory()
        for (path, text) in [
            ("one/b.example/only.crt", "1"), ("two/a.example:5000/b.crt", "b"), ("two/a.example:5000/a.crt", "a"),
            ("two/a.example:5000/me.cert", "cert"), ("two/a.example:5000/me.key", "key"), ("two/b.example/x.crt", "2"),
            ("two/keyless.example/me.cert", "c"), ("two/certless.example/me.key", "c"),
        ] {
            try Syscall.makeDirectories(
                "\(folder.path)/\(path.split(separator: "/").dropLast().joined(separator: "/"))")
            try AtomicFile.write("\(folder.path)/\(path)", text)
        }
        let folders = CertificateFolders(["one", "two", "three"].map { "\(folder.path)/\($0)" })
        #expect(
            try folders.certificates(for: "a.example:5000")
                == RegistryCertificates(
                    authorities: [Array("a".utf8), Array("b".utf8)],
                    client: .init(certificate: Array("cert".utf8), key: Array("key".utf8))))
        #expect(try folders.certificates(for: "b.example").authorities == [Array("1".utf8)])
        #expect(try folders.certificates(for: "a.example") == RegistryCertificates())
        for name in ["keyless.example", "certless.example"] {
            #expect(throws: RegistryConfigurationError.self) { try folders.certificates(for: name) }
        }
    }

    @Test func signaturesAreWhereTheMostSpecificScopeSays() throws {
        let folder = try TemporaryDirectory()
        try AtomicFile.write(
            "\(folder.path)/default.yaml", "# comment\ndefault-docker:\n  sigstore: https://old.example/sigs\n")
        try AtomicFile.write("\(folder.path)/empty.yaml", "# nothing\n")
        try AtomicFile.write(
            "\(folder.path)/own.yaml",
            """
            docker:
              a.example:
                use-sigstore-attachments: true
              a.example/team:
                lookaside: file:///sigs
            """)
        let storage = try SignatureStorage(folder: folder.path)
        func place(_ name: String) throws -> SignatureStorage.Place { storage.place(of: try Reference(parsing: name)) }
        #expect(try place("busybox").lookaside == "https://old.example/sigs")
        #expect(try place("a.example/x").usesAttachments)
        #expect(try place("a.example/team/x:1").lookaside == "file:///sigs")
        try AtomicFile.write("\(folder.path)/zz.yaml", "docker: [")
        #expect(throws: RegistryConfigurationError.self) { try SignatureStorage(folder: folder.path) }
    }
}
