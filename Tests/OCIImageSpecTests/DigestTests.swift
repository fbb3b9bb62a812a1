// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import OCIImageSpec
import Testing

@Suite struct DigestTests {
    static let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    @Test func parses() throws {
        let digest = try Digest(parsing: "sha256:\(Self.empty)")
        #expect(digest.algorithm == .sha256)
        #expect(digest.hex == Self.empty)
        #expect(digest.description == "sha256:\(Self.empty)")
        #expect(try Digest(parsing: "sha512:" + Self.empty + Self.empty).algorithm == .sha512)
    }

    static let faults: [(String, ImageSpecError.Code, String)] = [
        ("", .invalid, "want <algorithm>:<hex>"),
        (empty, .invalid, "want <algorithm>:<hex>"),
        ("sha256:", .invalid, "sha256 wants 64 hex digits, found 0"),
        ("sha256:\(empty.dropLast())", .invalid, "sha256 wants 64 hex digits, found 63"),
        ("sha256:\(empty)0", .invalid, "sha256 wants 64 hex digits, found 65"),
        ("sha512:\(empty)", .invalid, "sha512 wants 128 hex digits, found 64"),
        ("sha256:\(empty.uppercased())", .invalid, "want lower-case hex digits"),
        ("sha256:\(empty.dropLast(3))../", .invalid, "want lower-case hex digits"),
        ("sha256:\(empty.dropLast(2))\u{e9}", .invalid, "want lower-case hex digits"),
        ("SHA256:\(empty)", .invalid, "malformed algorithm"),
        (":\(empty)", .invalid, "malformed algorithm"),
        ("sha+:\(empty)", .invalid, "malformed algorithm"),
        ("sha384:\(empty)", .unsupported, "only sha256 and sha512 are supported"),
        ("sha256+b64u.x:LCa0a2j", .unsupported, "only sha256 and sha512 are supported"),
    ]

    @Test(arguments: faults) func refuses(_ text: String, _ code: ImageSpecError.Code, _ reason: String) {
        #expect(throws: ImageSpecError(code, "parse digest", text, reason)) { try Digest(parsing: text) }
    }

    /// FIPS 180-2 examples.
    @Test func hashes() {
        #expect(Digest(of: []).hex == Self.empty)
        #expect(
            Digest(of: Array("abc".utf8)).hex == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            Digest(of: Array("abc".utf8), .sha512).hex.hasPrefix("ddaf35a193617abacc417349ae20413112e6fa4e89a97ea2"))
    }

    @Test(arguments: Digest.Algorithm.allCases) func hashesInPieces(_ algorithm: Digest.Algorithm) {
        let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var hasher = Digest.Hasher(algorithm)
        hasher.update(bytes[..<1])
        let early = hasher
        hasher.update(bytes[1..<70_000])
        hasher.update(Array(bytes[70_000...]))
        #expect(hasher.finalize() == Digest(of: bytes, algorithm))
        #expect(hasher.finalize() == hasher.finalize())
        // A copy is a value of its own.
        #expect(early.finalize() == Digest(of: [0], algorithm))
    }

    @Test func ordersByText() throws {
        #expect(try Digest(parsing: "sha256:" + Self.empty) < Digest(of: [], .sha512))
    }
}
