// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Linux

/// One entry of a layer's tar. Names are bytes, just as the archive has them.
package struct LayerEntry: Sendable {
    /// What the entry makes.
    package enum Kind: Hashable, Sendable {
        /// A regular file of `size` bytes, holes included.
        case file(size: Int64)
        case directory
        case symlink(target: [UInt8])
        /// Another name of a file that came before.
        case hardLink(target: [UInt8])
        case characterDevice(DeviceNumber)
        case blockDevice(DeviceNumber)
        case fifo
    }

    /// An extended attribute.
    package struct Attribute: Hashable, Sendable {
        /// `user.x`, `security.capability`
        package var name: [UInt8]
        /// Any bytes.
        package var value: [UInt8]
    }

    /// As the archive has it: not cleaned, not checked.
    package var name: [UInt8]
    /// What the entry makes.
    package var kind: Kind
    /// The permission bits, up to 0o7777.
    package var permissions: UInt32
    /// The owner.
    package var uid: UInt32
    /// The group.
    package var gid: UInt32
    /// When the content changed.
    package var modified: Timestamp
    /// The extended attributes, each name once.
    package var attributes: [Attribute]
    /// A file of which not every byte is in the archive.
    package var isSparse = false

    /// The name for messages.
    package var displayName: String { String(decoding: name, as: UTF8.self) }
}
