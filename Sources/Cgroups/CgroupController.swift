// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import OCIRuntimeSpec

/// A controller of the kernel and the limits that it enforces, one type for each. See cgroups(7).
///
/// Plans are pure: they check values, translate those that v1 and v2 express differently, and order the writes. They
/// are made for absent controllers too, with a view without files: a write that is left then is a limit that nobody
/// enforces. So a plan skips values which ask for nothing (`unlimited`) when their file is absent. What no file of the
/// version takes is not the plans' matter: `UnenforceableLimits` refuses it before they are made.
package protocol CgroupController: SendableMetatype {
    /// The name in v1 hierarchies, also used in messages.
    static var name: String { get }
    /// The name in `cgroup.controllers`.
    static var unifiedName: String { get }

    /// Files of the v1 controller and their values.
    static func legacyPlan(_ resources: LinuxResources, _ view: CgroupView) throws(CgroupError) -> [CgroupWrite]

    /// Files of the v2 controller and their values.
    static func unifiedPlan(_ resources: LinuxResources, _ view: CgroupView) throws(CgroupError) -> [CgroupWrite]
}

extension CgroupController {
    package static var unifiedName: String { name }

    /// Many files have one name and one form in both versions.
    package static func unifiedPlan(
        _ resources: LinuxResources, _ view: CgroupView
    ) throws(CgroupError) -> [CgroupWrite] {
        try legacyPlan(resources, view)
    }

    static func write(_ file: String, _ value: some CustomStringConvertible, retried: Bool = false) -> CgroupWrite {
        CgroupWrite(name, file, value.description, retried: retried)
    }

    /// The limit cannot be enforced on this host; runc's words, which its callers know, and the cause.
    static var missing: CgroupError {
        CgroupError(
            .missingController,
            "cannot set \(name) limit: container could not join or create cgroup: no hierarchy has this controller")
    }
}

/// The controllers in the order in which their limits are set.
enum CgroupControllers {
    /// The v1 controllers; devices stands before memory so that a container without limits is never without a filter.
    static let legacy: [any CgroupController.Type] = [
        CpusetController.self, DevicesController.self, MemoryController.self, CPUController.self, PidsController.self,
        BlockIOController.self, HugetlbController.self, NetworkClassController.self, NetworkPriorityController.self,
        RdmaController.self,
    ]

    /// The v2 controllers; device access is a BPF program and the network's are gone.
    static let unified: [any CgroupController.Type] = [
        CpusetController.self, MemoryController.self, CPUController.self, PidsController.self, BlockIOController.self,
        HugetlbController.self, NetworkClassController.self, NetworkPriorityController.self, RdmaController.self,
    ]
}
