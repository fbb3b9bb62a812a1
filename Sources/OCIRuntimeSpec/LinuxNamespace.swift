// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A namespace to create or to join.
package struct LinuxNamespace: Codable, Hashable, Sendable {
    /// Kind of the namespace.
    package var type: LinuxNamespaceType
    /// File of a namespace to join; a new one is created when absent.
    package var path: String?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(type: LinuxNamespaceType, path: String? = nil) {
        self.type = type
        self.path = path
    }
}

/// Kinds of namespaces, see namespaces(7).
package enum LinuxNamespaceType: String, Codable, Hashable, Sendable, CaseIterable {
    case mount
    case pid
    case network
    case uts
    case ipc
    case user
    case cgroup
    case time
}

/// A range of IDs of a user namespace, see user_namespaces(7).
package struct LinuxIDMapping: Codable, Hashable, Sendable {
    /// First ID inside the container.
    package var containerID: UInt32
    /// First ID outside it.
    package var hostID: UInt32
    /// Number of IDs.
    package var size: UInt32

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(containerID: UInt32, hostID: UInt32, size: UInt32) {
        self.containerID = containerID
        self.hostID = hostID
        self.size = size
    }
}

/// Offsets of the clocks of a new time namespace, see time_namespaces(7).
package struct LinuxTimeOffsets: Codable, Hashable, Sendable {
    /// Offset of CLOCK_BOOTTIME.
    package var boottime: LinuxTimeOffset?
    /// Offset of CLOCK_MONOTONIC.
    package var monotonic: LinuxTimeOffset?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(boottime: LinuxTimeOffset? = nil, monotonic: LinuxTimeOffset? = nil) {
        self.boottime = boottime
        self.monotonic = monotonic
    }
}

/// Offset of one clock.
package struct LinuxTimeOffset: Codable, Hashable, Sendable {
    /// Seconds, perhaps negative.
    package var secs: Int64?
    /// Nanoseconds added to the seconds.
    package var nanosecs: UInt32?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(secs: Int64? = nil, nanosecs: UInt32? = nil) {
        self.secs = secs
        self.nanosecs = nanosecs
    }
}
