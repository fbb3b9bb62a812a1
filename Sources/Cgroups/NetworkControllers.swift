// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import OCIRuntimeSpec

// v2 has neither controller; the plans exist there for the message.

/// The class of packets for tc(8). See Documentation/admin-guide/cgroup-v1/net_cls.rst of the kernel.
package enum NetworkClassController: CgroupController {
    package static let name = "net_cls"

    package static func legacyPlan(
        _ resources: LinuxResources, _ view: CgroupView
    ) throws(CgroupError) -> [CgroupWrite] {
        guard let id = resources.network?.classID, id != 0 else { return [] }
        return [write("net_cls.classid", id)]
    }
}

/// Priorities of traffic by interface. See Documentation/admin-guide/cgroup-v1/net_prio.rst of the kernel.
package enum NetworkPriorityController: CgroupController {
    package static let name = "net_prio"

    package static func legacyPlan(
        _ resources: LinuxResources, _ view: CgroupView
    ) throws(CgroupError) -> [CgroupWrite] {
        (resources.network?.priorities ?? []).map { write("net_prio.ifpriomap", "\($0.name) \($0.priority)") }
    }
}
