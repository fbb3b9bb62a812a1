// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import OCIRuntimeSpec

/// The number of tasks. See Documentation/admin-guide/cgroup-v1/pids.rst of the kernel.
package enum PidsController: CgroupController {
    package static let name = "pids"

    package static func legacyPlan(
        _ resources: LinuxResources, _ view: CgroupView
    ) throws(CgroupError) -> [CgroupWrite] {
        guard let limit = resources.pids?.limit else { return [] }
        if limit < 0 { return view.has("pids.max") ? [write("pids.max", "max")] : [] }
        // 0 is 1, as in runc: systemd knows no 0, and the container's own process must exist.
        return [write("pids.max", max(limit, 1))]
    }
}
