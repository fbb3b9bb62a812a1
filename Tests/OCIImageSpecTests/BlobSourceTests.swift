// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import FoundationEssentials
import OCIImageSpec
import Testing

/// Delivers the bytes it has, whatever is asked for.
private struct FixedSource: BlobSource {
    var bytes: [UInt8]

    func manifest(_ selector: ManifestSelector) async throws -> FetchedManifest {
        try FetchedManifest(bytes: bytes, statedType: nil, subject: "\(selector)")
    }

    func blob(_ descriptor: Descriptor, _ body: ([UInt8]) async throws -> Void) async throws {
        for byte in bytes { try await body([byte]) }
    }
}

@Suite struct BlobSourceTests {
    private func descriptor(_ bytes: [UInt8], size: Int64? = nil, data: Data? = nil) -> Descriptor {
        Descriptor(
            mediaType: .imageConfig, digest: Digest(of: bytes), size: size ?? Int64(bytes.count), data: data)
    }

    @Test func wholeBlobIsVerified() async throws {
        #expect(try await FixedSource(bytes: [1, 2]).wholeBlob(descriptor([1, 2])) == [1, 2])
        await #expect(throws: ImageSpecError.self) {
            try await FixedSource(bytes: [1, 3]).wholeBlob(descriptor([1, 2]))
        }
        await #expect(throws: ImageSpecError.self) {
            try await FixedSource(bytes: []).wholeBlob(descriptor([], size: Int64(documentLimit) + 1))
        }
    }

    @Test func embeddedDataIsUsedOnlyWhenItFits() async throws {
        #expect(try await FixedSource(bytes: []).wholeBlob(descriptor([7], data: Data([7]))) == [7])
        #expect(try await FixedSource(bytes: [7]).wholeBlob(descriptor([7], data: Data([8]))) == [7])
    }
}
