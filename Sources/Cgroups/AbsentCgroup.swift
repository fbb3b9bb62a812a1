// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import OCIRuntimeSpec

/// No cgroup at all: processes stay in that of the caller, which is not touched. What `--cgroup-manager disabled` asks for.
package struct AbsentCgroup: CgroupDriver {
    package let location: CgroupLocation

    package var unified: CgroupDirectory? { nil }
    package var members: CgroupDirectory { CgroupDirectory("/nonexistent") }
    package var oomEventsFile: String? { nil }

    package func create() throws(CgroupError) {}

    /// Device rules are the only limit that every configuration has; nobody who disables cgroups can mean them.
    package func apply(_ resources: LinuxResources) throws(CgroupError) {
        guard resources.unified?.isEmpty ?? true else {
            throw CgroupError(.missingController, "cannot set unified resources: cgroups are disabled")
        }
        for controller in CgroupControllers.unified where try !controller.unifiedPlan(resources, CgroupView()).isEmpty {
            throw CgroupError(.missingController, "cannot set \(controller.name) limit: cgroups are disabled")
        }
    }

    package func update(_ resources: LinuxResources) throws(CgroupError) { try apply(resources) }
    package func metrics() throws(CgroupError) -> CgroupMetrics {
        throw CgroupError(.invalid, "cannot read statistics: cgroups are disabled")
    }
    package func add(_ pid: Int32) throws(CgroupError) {}
    package func freeze() throws(CgroupError) { throw CgroupError(.invalid, "cannot freeze: cgroups are disabled") }
    package func thaw() throws(CgroupError) {}
    package func isFrozen() throws(CgroupError) -> Bool { false }
    package func stats() throws(CgroupError) -> CgroupStats { CgroupStats() }
    package func delete(milliseconds: Int32) throws(CgroupError) {}
}
