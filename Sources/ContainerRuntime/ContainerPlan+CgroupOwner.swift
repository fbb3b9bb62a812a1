// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import OCIRuntimeSpec

extension ContainerPlan {
    /// The host's id of the container's user, when the cgroup becomes that user's: with a cgroup namespace of its own and
    /// a writable mount of it the container is meant to make cgroups. nil also where the user has no id on the host. See
    /// the section "Cgroup ownership" of the runtime-spec.
    var cgroupOwner: UInt32? {
        let isWritable = mounts.contains { $0.content == .cgroup && !$0.options.flags.contains(.readOnly) }
        guard isWritable, namespaces[.cgroup] == .create else { return nil }
        if namespaces[.user] == .inherit { return process.uid }
        for mapping in uidMappings where process.uid >= mapping.containerID {
            let offset = process.uid - mapping.containerID
            if offset < mapping.size { return UInt32(exactly: UInt64(mapping.hostID) + UInt64(offset)) }
        }
        return nil
    }
}
