// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Writes one layer in overlay form, in two steps: everything that the archive has, as it comes; then, when the layers
/// below are there, what the archive leaves to them.
///
/// Used by one thread at a time. A writer that failed, or is given up, leaves a part, which the caller removes.
package protocol LayerWriter: AnyObject {
    /// Takes all entries of the archive.
    func take(_ reader: LayerReader) throws
    /// Whether something is left to the layers below: directories that the archive uses and did not bring, or files that
    /// it only links to. The layer then depends on what is below. Known when all entries were taken.
    var needsLower: Bool { get }
    /// Ends the layer. `below` is the root of the layers below over each other, nil where there are none.
    func finish(above below: LowerTree?) throws -> LayerSummary
}

/// What is known of a layer that was written.
package struct LayerSummary: Hashable, Sendable {
    /// Space on disk: of a file its length, of a directory see `TreeInventory`.
    package var bytes: UInt64 = 0
    /// Files of all kinds on the file system of the store.
    package var inodes: UInt64 = 0
    /// What a later check of all that the layer is compares with.
    package var checksum = ""
    /// Directories that the archive used but did not bring; the root is none of them.
    package var impliedDirectories = 0
    /// Whether the archive brought the root. Otherwise an image shows the root of a layer below: which one that is, the
    /// layer cannot know, because it may be in several images.
    package var bringsRoot = false
    /// Attributes that the format could not hold.
    package var skippedAttributes = 0

    package init() {}
}
