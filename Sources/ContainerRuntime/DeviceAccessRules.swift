// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import OCIRuntimeSpec

/// Access to devices that every container has, whatever its configuration says: the default devices, terminals, and the
/// making of nodes that nobody can use. As in runc, these rules come last, where they win.
enum DeviceAccessRules {
    static func completing(_ resources: LinuxResources) -> LinuxResources {
        var resources = resources
        resources.devices = (resources.devices ?? []) + always
        return resources
    }

    private static let always: [LinuxDeviceCgroup] =
        ["c", "b"].map { LinuxDeviceCgroup(allow: true, type: $0, access: "m") }
        + [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 2)].map { character($0, $1) }
        + [character(136, nil)]

    private static func character(_ major: Int64, _ minor: Int64?) -> LinuxDeviceCgroup {
        LinuxDeviceCgroup(allow: true, type: "c", major: major, minor: minor, access: "rwm")
    }
}
