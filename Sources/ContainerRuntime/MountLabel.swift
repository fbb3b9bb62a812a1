// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Confinement

/// The SELinux label of the file systems that are mounted for a container, `linux.mountLabel`.
enum MountLabel {
    /// File systems whose files have labels of their own, or that take none from a mount; bind mounts keep theirs.
    private static let unlabelled: Set<String> = ["proc", "sysfs", "mqueue"]

    /// The mounts with the label among their options. Throws where the kernel knows no labels.
    static func label(_ mounts: [MountPlan], _ label: String?, host: HostFacts) throws(PlanError) -> [MountPlan] {
        guard let label, !label.isEmpty else { return mounts }
        do throws(ConfinementError) {
            try SecurityLabel.checkMountLabel(label, host: host.labels)
        } catch {
            throw PlanError(error.message)
        }
        guard !label.utf8.contains(where: { $0 == 0 || $0 == UInt8(ascii: "\"") }) else {
            throw PlanError("mountLabel \"\(label)\" is not a label")
        }
        return mounts.map { mount in
            var mount = mount
            switch mount.content {
            case .fileSystem(let type, _) where unlabelled.contains(type): break
            case .fileSystem, .tmpfs:
                // In quotes, for the categories of a label stand with commas between them, mount(8).
                mount.options.data.append("context=\"\(label)\"")
            default: break
            }
            return mount
        }
    }
}
