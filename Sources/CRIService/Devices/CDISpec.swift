// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A file of the Container Device Interface: devices of one kind and what a container needs to use them. See
/// https://github.com/cncf-tags/container-device-interface, SPEC.md.
package struct CDISpec: Decodable, Hashable, Sendable {
    package struct Device: Decodable, Hashable, Sendable {
        var name: String
        var containerEdits: CDIEdits?
    }

    /// `vendor.com/class`.
    var kind: String
    var devices: [Device]?
    /// What every device of the file needs.
    var containerEdits: CDIEdits?
}

/// What is changed in a container's configuration.
package struct CDIEdits: Decodable, Hashable, Sendable {
    package struct Node: Decodable, Hashable, Sendable {
        var path: String
        /// On the host; the same path when absent.
        var hostPath: String?
        var type: String?
        var major: Int64?
        var minor: Int64?
        var fileMode: UInt32?
        var permissions: String?
        var uid: UInt32?
        var gid: UInt32?
    }

    package struct Mount: Decodable, Hashable, Sendable {
        var hostPath: String
        var containerPath: String
        var options: [String]?
        var type: String?
    }

    package struct Hook: Decodable, Hashable, Sendable {
        var hookName: String
        var path: String
        var args: [String]?
        var env: [String]?
        var timeout: Int?
    }

    package struct NetDevice: Decodable, Hashable, Sendable {
        var hostInterfaceName: String
        var name: String
    }

    var env: [String]?
    var deviceNodes: [Node]?
    var netDevices: [NetDevice]?
    var hooks: [Hook]?
    var mounts: [Mount]?
    var additionalGids: [UInt32]?
}
