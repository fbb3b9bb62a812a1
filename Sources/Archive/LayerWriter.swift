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

/// How much an archive may bring: more is an attack or a mistake, and would fill disk and memory.
package struct UnpackLimits: Hashable, Sendable {
    /// Entries of all kinds.
    package var entries = 4_000_000
    /// Sizes of all files together, holes included.
    package var bytes: Int64 = 1 << 40
    /// The plain stream may be so many times as long as the compressed one...
    package var ratio: Int64 = 400
    /// ...once it is longer than this.
    package var ratioFrom: Int64 = 1 << 30

    package init() {}
}

extension UnpackLimits {
    /// Throws `.tooLarge` when the count is above the limit.
    func check(entries count: Int) throws(ArchiveError) {
        guard count > entries else { return }
        throw ArchiveError(.tooLarge, "unpack layer", "", "it has more than \(entries) entries")
    }

    /// Throws `.tooLarge` when the files that came so far, and another one, are larger than the limit together.
    func check(bytes total: Int64, and size: Int64, of entry: LayerEntry) throws(ArchiveError) {
        guard size < 0 || size > bytes - total else { return }
        let reason =
            size < 0 ? "its size is negative" : "the files of the layer have more than \(bytes) bytes together"
        throw ArchiveError(size < 0 ? .corrupt : .tooLarge, "unpack entry", entry.displayName, reason)
    }
}
