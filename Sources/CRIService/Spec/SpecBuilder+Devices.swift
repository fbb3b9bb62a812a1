// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import OCIRuntimeSpec

/// A device node of the host, looked up.
package struct PreparedDevice: Hashable, Sendable {
    package var node: LinuxDevice
    /// `rwm` or less.
    package var access: String

    /// Every property by name.
    package init(node: LinuxDevice, access: String) {
        self.node = node
        self.access = access
    }

    /// With which it can be used.
    var rule: LinuxDeviceCgroup {
        LinuxDeviceCgroup(allow: true, type: node.type, major: node.major, minor: node.minor, access: access)
    }
}

extension SpecBuilder {
    /// The nodes beyond those that every container has.
    mutating func setDevices() {
        if !input.devices.isEmpty { linux.devices = input.devices.map(\.node) }
    }

    /// Nothing but what the container was given; the runtime adds the harmless ones. Privileged means all.
    func deviceRules() -> [LinuxDeviceCgroup] {
        if isPrivileged { return [LinuxDeviceCgroup(allow: true, access: "rwm")] }
        return [LinuxDeviceCgroup(allow: false, access: "rwm")]
            + input.devices.map(\.rule)
    }
}
