// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A device node or FIFO inside the container.
package struct LinuxDevice: Codable, Hashable, Sendable {
    /// `c` or `u` (character), `b` (block), `p` (FIFO).
    package var type: String
    /// Path inside the container.
    package var path: String
    /// Major number; not for FIFOs.
    package var major: Int64?
    /// Minor number; not for FIFOs.
    package var minor: Int64?
    /// Permission bits.
    package var fileMode: UInt32?
    /// Owner inside the container.
    package var uid: UInt32?
    /// Group inside the container.
    package var gid: UInt32?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(
        type: String, path: String, major: Int64? = nil, minor: Int64? = nil, fileMode: UInt32? = nil,
        uid: UInt32? = nil, gid: UInt32? = nil
    ) {
        self.type = type
        self.path = path
        self.major = major
        self.minor = minor
        self.fileMode = fileMode
        self.uid = uid
        self.gid = gid
    }
}

/// What becomes of a network interface that moves into the container.
package struct LinuxNetDevice: Codable, Hashable, Sendable {
    /// Its name inside the container; unchanged when absent.
    package var name: String?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(name: String? = nil) {
        self.name = name
    }
}
