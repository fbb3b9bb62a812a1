// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import OCIRuntimeSpec

/// Placement on CPUs and memory nodes. See cpuset(7).
package enum CpusetController: CgroupController {
    package static let name = "cpuset"

    static let cpus = "cpuset.cpus"
    static let mems = "cpuset.mems"

    package static func legacyPlan(
        _ resources: LinuxResources, _ view: CgroupView
    ) throws(CgroupError) -> [CgroupWrite] {
        var plan: [CgroupWrite] = []
        if let list = resources.cpu?.cpus, !list.isEmpty { plan.append(write(cpus, list)) }
        if let list = resources.cpu?.mems, !list.isEmpty { plan.append(write(mems, list)) }
        return plan
    }

    /// Whether processes can be in a v1 cpuset. One whose files cannot be read is none.
    static func isFilled(_ view: CgroupView) -> Bool { [cpus, mems].allSatisfy { view.read($0)?.isEmpty != true } }

    /// A new v1 cpuset is empty and takes no process (ENOSPC): it starts with what its parent has.
    static func inheritancePlan(_ view: CgroupView, parent: CgroupView) -> [CgroupWrite] {
        [cpus, mems].compactMap { file in
            guard view.read(file)?.isEmpty ?? true, let list = parent.read(file), !list.isEmpty else { return nil }
            return write(file, list)
        }
    }
}
