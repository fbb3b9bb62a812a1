// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// What is known of a directory of an `EntryTree`, in 96 bytes: of its name and its attributes where they are.
struct DirectoryRecord: BitwiseCopyable {
    /// Whether it can be reached from the root.
    enum Reach: UInt8, BitwiseCopyable { case unknown, reached, lost }

    private var seconds: Int64 = 0
    /// The place of its inode in the file.
    var offset: Int64 = 0
    /// The entry with which the block that is not full begins, if others are before it.
    var tail: ErofsEntries.Mark?
    /// Where its name is, and where its attributes are, encoded.
    var namePlace = 0
    var attributesPlace = 0
    private var nanoseconds: UInt32 = 0
    private(set) var uid: UInt32 = 0
    private(set) var gid: UInt32 = 0
    /// The directory that it is in.
    var parent: UInt32
    var attributesSize: UInt32 = 0
    /// How many directories are in it.
    var subdirectories: UInt32 = 0
    /// The blocks of its content that are full; most have none. Behind them comes one that is not.
    var fullBlocks: UInt32 = 0
    /// The first block of what is not beside its inode.
    var firstBlock: UInt32 = 0
    private(set) var permissions: UInt16 = 0
    var tailSize: UInt16 = 0
    /// Attributes that the format has no place for.
    var skippedAttributes: UInt16 = 0
    var nameSize: UInt8 = 0
    var reach = Reach.unknown
    /// Hides everything below.
    var isOpaque = false
    /// The archive did not bring it.
    var isImplied: Bool
    /// Something else has its name, or nothing.
    var isGone = false
    /// What was in it is in the directory that is noted as the one above it.
    var isMerged = false
    /// The end of its content is beside its inode.
    var isInline = false
    /// Its time was set.
    private(set) var hasTime = false

    init(parent: Int, isImplied: Bool) {
        self.parent = UInt32(truncatingIfNeeded: parent)
        self.isImplied = isImplied
        set(DirectoryAttributes.implied)
        hasTime = false
    }

    var modified: Timestamp { Timestamp(seconds: seconds, nanoseconds: Int64(nanoseconds)) }

    /// Takes over everything but the extended attributes.
    mutating func set(_ attributes: DirectoryAttributes) {
        permissions = UInt16(truncatingIfNeeded: attributes.permissions)
        (uid, gid) = (attributes.uid, attributes.gid)
        set(attributes.modified)
    }

    /// Whether another directory becomes what this one is, when what is in this one is moved there: no entry stands for it.
    func describes(_ other: Self) -> Bool { other.isImplied && !isImplied }

    /// What was in another directory is in this one too from now on.
    mutating func merge(_ other: Self) {
        if other.isOpaque { isOpaque = true }
        guard other.describes(self) else { return }
        (permissions, uid, gid) = (other.permissions, other.uid, other.gid)
        (attributesPlace, attributesSize) = (other.attributesPlace, other.attributesSize)
        skippedAttributes = other.skippedAttributes
        isImplied = false
        set(other.modified)
    }

    /// Sets the time.
    mutating func set(_ modified: Timestamp) {
        seconds = modified.seconds
        nanoseconds = UInt32(truncatingIfNeeded: modified.nanoseconds)
        hasTime = true
    }
}

/// What an inode of a directory holds.
struct DirectoryAttributes: Equatable {
    var permissions: UInt32
    var uid: UInt32
    var gid: UInt32
    var modified: Timestamp
    /// As the archive has them, without those that are reserved.
    var attributes: [LayerEntry.Attribute]

    /// Those of a directory that nobody brought.
    static let implied = DirectoryAttributes(
        permissions: 0o755, uid: 0, gid: 0, modified: Timestamp(seconds: 0, nanoseconds: 0), attributes: [])
}
