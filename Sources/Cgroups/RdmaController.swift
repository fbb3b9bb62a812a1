// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import OCIRuntimeSpec

/// Resources of RDMA devices. See Documentation/admin-guide/cgroup-v1/rdma.rst of the kernel.
package enum RdmaController: CgroupController {
    package static let name = "rdma"

    package static func legacyPlan(
        _ resources: LinuxResources, _ view: CgroupView
    ) throws(CgroupError) -> [CgroupWrite] {
        (resources.rdma ?? [:]).sorted { $0.key < $1.key }.compactMap { device, limit in
            let handles = limit.hcaHandles.map { " hca_handle=\($0)" } ?? ""
            let objects = limit.hcaObjects.map { " hca_object=\($0)" } ?? ""
            return handles + objects == "" ? nil : write("rdma.max", device + handles + objects)
        }
    }
}
