// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import OCIImageSpec

/// A layer that is unpacked and verified, but has no name yet. It is shared by all pulls that joined in fetching it.
struct StagedLayer: Sendable {
    var diffID: Digest
    /// In a staging directory of its own.
    var staging: StagingDirectory
    /// What the layer is kept as.
    var format: String
    var bytes: UInt64
    var inodes: UInt64
    /// What `check` compares.
    var checksum: String
    /// The compressed layer, where it is kept.
    var blob: Descriptor?

    var path: String { Self.path(in: staging) }
    var blobPath: String { Self.blobPath(in: staging) }

    static func path(in staging: StagingDirectory) -> String { "\(staging.path)/layer" }
    static func blobPath(in staging: StagingDirectory) -> String { "\(staging.path)/blob" }
}
