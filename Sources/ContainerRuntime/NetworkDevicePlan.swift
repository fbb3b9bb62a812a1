// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import OCIRuntimeSpec

/// A network interface of the host that becomes the container's: an entry of `linux.netDevices`.
package struct NetworkDevicePlan: Hashable, Sendable {
    /// Its name in the runtime's network namespace.
    package var hostName: String
    /// Its name in the container's.
    package var name: String

    /// In the order of their names.
    static func all(
        _ devices: [String: LinuxNetDevice], _ namespaces: NamespacePlans
    ) throws(PlanError) -> [NetworkDevicePlan] {
        if devices.isEmpty { return [] }
        guard namespaces.isPrivate(.network) else {
            throw PlanError("unable to move network devices without a private network namespace")
        }
        var plans: [NetworkDevicePlan] = []
        for (hostName, device) in devices.sorted(by: { $0.key < $1.key }) {
            let name = device.name.flatMap { $0.isEmpty ? nil : $0 } ?? hostName
            for name in [hostName, name] where !isValid(name) {
                throw PlanError("invalid network device name \"\(name)\"")
            }
            if let other = plans.first(where: { $0.name == name }) {
                throw PlanError(
                    "network devices \"\(other.hostName)\" and \"\(hostName)\" have the same name \"\(name)\"")
            }
            plans.append(NetworkDevicePlan(hostName: hostName, name: name))
        }
        return plans
    }

    /// What the kernel takes, dev_valid_name() in net/core/dev.c.
    private static func isValid(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count < 16 && name != "." && name != ".."
            && name.utf8.allSatisfy { $0 > 0x20 && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ":") && $0 != 0x7f }
    }
}
