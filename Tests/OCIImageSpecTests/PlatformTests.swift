// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import OCIImageSpec
import Testing

@Suite struct PlatformTests {
    /// An index entry for `os/arch[/variant]`; an empty text is an entry without platform.
    static func entry(
        _ platform: String, _ mediaType: MediaType = .imageManifest, _ annotations: [String: String]? = nil
    ) throws -> Descriptor {
        Descriptor(
            mediaType: mediaType, digest: Digest(of: Array("\(platform)\(mediaType)\(annotations ?? [:])".utf8)),
            size: 1, annotations: annotations, platform: platform.isEmpty ? nil : try Platform(parsing: platform))
    }

    @Test(
        arguments: [
            ("linux/amd64", ["linux/arm64", "linux/amd64"], "linux/amd64"),
            ("linux/amd64", ["windows/amd64", "linux/amd64"], "linux/amd64"),
            ("linux/amd64", ["linux/amd64/v3", "linux/amd64/v1"], "linux/amd64/v1"),
            ("linux/amd64", ["linux/amd64/v2"], nil),
            ("linux/amd64/v3", ["linux/amd64", "linux/amd64/v2", "linux/amd64/v4"], "linux/amd64/v2"),
            ("linux/arm64/v8", ["linux/arm/v7", "linux/arm64"], "linux/arm64"),
            ("linux/arm64", ["linux/arm64", "linux/arm64/v8"], "linux/arm64/v8"),
            ("linux/arm64/v9", ["linux/arm64/v8"], "linux/arm64/v8"),
            ("linux/arm/v7", ["linux/arm/v5", "linux/arm/v6", "linux/arm/v8", "linux/arm"], "linux/arm/v6"),
            ("linux/arm", ["linux/arm/v8", "linux/arm/v7"], "linux/arm/v7"),
            ("linux/arm/v6", ["linux/arm/v7"], nil),
            ("linux/arm/v6", ["linux/arm/v7", "linux/arm"], "linux/arm"),
            ("linux/riscv64", ["linux/amd64", "linux/riscv64"], "linux/riscv64"),
            ("linux/riscv64", ["linux/amd64"], nil),
            ("linux/amd64", ["", "linux/amd64"], "linux/amd64"),
            ("linux/amd64", ["linux/arm64", ""], ""),
            ("linux/amd64", ["unknown/unknown"], nil),
            ("linux/amd64", [], nil),
        ] as [(String, [String], String?)])
    func chooses(_ wanted: String, _ offered: [String], _ best: String?) throws {
        let choice = try Platform(parsing: wanted).best(of: offered.map { try Self.entry($0) })
        #expect(choice.map { $0.platform?.description ?? "" } == best)
    }

    @Test func skipsWhatIsNoImage() throws {
        let amd64 = try Platform(parsing: "linux/amd64")
        let attestation = ["vnd.docker.reference.type": "attestation-manifest"]
        let entries = try [
            Self.entry("linux/amd64", .imageManifest, attestation), Self.entry("unknown/unknown"),
            Self.entry("linux/amd64", MediaType(rawValue: "application/x")), Self.entry("linux/amd64", .dockerSchema1),
        ]
        #expect(amd64.best(of: entries) == nil)
        let nested = try Self.entry("", .imageIndex)
        #expect(amd64.best(of: entries + [nested]) == nested)
    }

    @Test func prefersZstdAmongEquals() throws {
        let zstd = ["io.github.containers.compression.zstd": "true"]
        let entries = try [
            Self.entry("linux/amd64"), Self.entry("linux/amd64", .imageManifest, zstd),
            Self.entry("linux/amd64/v1", .dockerManifest),
        ]
        #expect(try Platform(parsing: "linux/amd64").ranked(entries) == [entries[2], entries[1], entries[0]])
    }

    @Test(arguments: [
        ("linux/x86_64", "linux/amd64"), ("linux/aarch64", "linux/arm64"), ("linux/armhf", "linux/arm/v7"),
        ("linux/arm/v6", "linux/arm/v6"),
    ])
    func parses(_ text: String, _ canonical: String) throws {
        #expect(try Platform(parsing: text).description == canonical)
    }

    @Test(arguments: ["", "linux", "linux/", "/amd64", "linux/amd64/v1/x", "linux/am d64", "Linux/amd64"])
    func refuses(_ text: String) {
        #expect(throws: ImageSpecError(.invalid, "parse platform", text, "want os/architecture[/variant]")) {
            try Platform(parsing: text)
        }
    }

    @Test func currentRunsItself() {
        #expect(Platform.current.os == "linux")
        #expect(Platform.current.accepts(.current))
    }
}
