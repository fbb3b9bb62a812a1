// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import FoundationEssentials

/// A typed, sized and checksummed pointer to content. Source: image-spec, descriptor.md.
package struct Descriptor: Codable, Hashable, Sendable {
    /// The type of the content.
    package var mediaType: MediaType
    /// The checksum of the content.
    package var digest: Digest
    /// The length of the content in bytes. Documents that state a negative size are refused when parsed.
    package var size: Int64
    /// Other places of the content; never fetched with credentials.
    package var urls: [String]?
    /// The content itself, if the document embeds it; to be verified like any other bytes.
    package var data: Data?
    /// Free labels.
    package var annotations: [String: String]?
    /// The platform that an index entry is for.
    package var platform: Platform?
    /// The type of an artifact.
    package var artifactType: MediaType?

    /// A descriptor of the given parts.
    package init(
        mediaType: MediaType, digest: Digest, size: Int64, urls: [String]? = nil, data: Data? = nil,
        annotations: [String: String]? = nil, platform: Platform? = nil, artifactType: MediaType? = nil
    ) {
        self.mediaType = mediaType
        self.digest = digest
        self.size = size
        self.urls = urls
        self.data = data
        self.annotations = annotations
        self.platform = platform
        self.artifactType = artifactType
    }
}

extension Sequence<Descriptor> {
    /// The sum of the sizes; nil when one is negative or the sum passes 2^63.
    package var totalSize: Int64? {
        var total: Int64 = 0
        for descriptor in self {
            let (sum, overflow) = total.addingReportingOverflow(descriptor.size)
            guard descriptor.size >= 0, !overflow else { return nil }
            total = sum
        }
        return total
    }
}
