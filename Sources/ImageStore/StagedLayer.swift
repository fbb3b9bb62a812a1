// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Archive
internal import Linux
internal import OCIImageSpec

/// A layer that is unpacked and verified, but has no name yet. It is shared by all pulls that joined in fetching it.
struct StagedLayer: Sendable {
    var diffID: Digest
    /// In a staging directory of its own.
    var staging: StagingDirectory
    /// Finished when it is known what is below it.
    var unpacked: UnpackedLayer
    /// The compressed layer, where it is kept.
    var blob: Descriptor?

    var path: String { Self.path(in: staging) }
    var blobPath: String { Self.blobPath(in: staging) }

    static func path(in staging: StagingDirectory) -> String { "\(staging.path)/layer" }
    static func blobPath(in staging: StagingDirectory) -> String { "\(staging.path)/blob" }
}

/// A layer that is complete, but has no name yet.
struct FinishedLayer: Sendable {
    var staged: StagedLayer
    /// What the layer is known by in the store.
    var id: Digest
    /// What the layer is kept as.
    var format: String
    var summary: LayerSummary
    /// What it lacks to survive a loss of power.
    var pendingFlush: PendingFlush

    var diffID: Digest { staged.diffID }
    var isDependent: Bool { staged.unpacked.isDependent }
    var path: String { staged.path }
    var blob: Descriptor? { staged.blob }
    var blobPath: String { staged.blobPath }
}
