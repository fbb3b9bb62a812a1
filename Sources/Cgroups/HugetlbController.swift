// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import OCIRuntimeSpec

/// Huge pages by size. See Documentation/admin-guide/cgroup-v1/hugetlb.rst of the kernel.
package enum HugetlbController: CgroupController {
    package static let name = "hugetlb"

    package static func legacyPlan(
        _ resources: LinuxResources, _ view: CgroupView
    ) throws(CgroupError) -> [CgroupWrite] {
        try plan(resources, view, suffix: "limit_in_bytes")
    }

    package static func unifiedPlan(
        _ resources: LinuxResources, _ view: CgroupView
    ) throws(CgroupError) -> [CgroupWrite] {
        try plan(resources, view, suffix: "max")
    }

    private static func plan(
        _ resources: LinuxResources, _ view: CgroupView, suffix: String
    ) throws(CgroupError) -> [CgroupWrite] {
        var plan: [CgroupWrite] = []
        for page in resources.hugepageLimits ?? [] {
            guard isSize(page.pageSize) else {
                throw CgroupError(.invalid, "huge page size \"\(page.pageSize)\": not of the form 2MB")
            }
            let file = "hugetlb.\(page.pageSize).\(suffix)"
            // Kubernetes forbids by default every size it has heard of; a size that is absent is forbidden already.
            if page.limit > 0 || view.has(file) { plan.append(write(file, page.limit)) }
            // Reservations fail in mmap, where use fails with SIGBUS. Since Linux 5.7.
            let reservation = "hugetlb.\(page.pageSize).rsvd.\(suffix)"
            if view.has(reservation) { plan.append(write(reservation, page.limit)) }
        }
        return plan
    }

    /// `^[1-9][0-9]*[KMG]B$`; also keeps slashes out of the file's name.
    private static func isSize(_ text: String) -> Bool {
        guard text.hasSuffix("KB") || text.hasSuffix("MB") || text.hasSuffix("GB") else { return false }
        let digits = text.utf8.dropLast(2)
        guard let first = digits.first, first != UInt8(ascii: "0") else { return false }
        return digits.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }
}
