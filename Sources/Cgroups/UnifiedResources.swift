// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import OCIRuntimeSpec

/// `linux.resources.unified`: files of cgroup v2 and their content, as the configuration names them.
package enum UnifiedResources {
    /// One write for each line of each value: the kernel takes one key of a file like `io.max` at a time.
    package static func plan(_ resources: LinuxResources) throws(CgroupError) -> [CgroupWrite] {
        var plan: [CgroupWrite] = []
        for (file, value) in (resources.unified ?? [:]).sorted(by: { $0.key < $1.key }) {
            guard !file.contains("/"), !file.isEmpty, file != ".", file != ".." else {
                throw CgroupError(.invalid, "unified resource \"\(file)\" must be a file name (no slashes)")
            }
            let controller = String(file.prefix { $0 != "." })
            for line in value.split(separator: "\n") { plan.append(CgroupWrite(controller, file, String(line))) }
        }
        return plan
    }

    /// v1 has no such files.
    static func refuse(_ resources: LinuxResources) throws(CgroupError) {
        guard let unified = resources.unified, !unified.isEmpty else { return }
        throw CgroupError(.invalid, "invalid configuration: cannot use unified on cgroup v1")
    }

    /// The error of a file that does not exist, with the reason where it is a missing controller.
    static func missing(_ write: CgroupWrite, available: [Substring]) -> CgroupError? {
        guard write.controller != "cgroup", !available.contains(write.controller[...]) else { return nil }
        return CgroupError(
            .missingController,
            "unified resource \"\(write.file)\" can't be set: controller \"\(write.controller)\" not available")
    }
}
