// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
package import OCIRuntimeSpec

/// The users of a pod that has a user namespace of its own: ids from 0 on, which are others on the machine.
package struct UserMapping: Hashable, Sendable {
    package var users: LinuxIDMapping
    package var groups: LinuxIDMapping

    /// Ranges that begin with the pod's id 0.
    package init(users: LinuxIDMapping, groups: LinuxIDMapping) {
        self.users = users
        self.groups = groups
    }

    /// What the request says; nil for the machine's own users. One range is all that kubelet gives, and all that a mount
    /// of image layers takes without a copy of them.
    init?(_ options: CRI.NamespaceOption) throws(ServiceError) {
        guard options.hasUsernsOptions else { return nil }
        let request = options.usernsOptions
        func refuse(_ cause: String) -> ServiceError { ServiceError(.invalid, "use user namespace", nil, cause) }
        switch request.mode {
        case .node:
            guard request.uids.isEmpty, request.gids.isEmpty else {
                throw refuse("the users of the node need no mappings")
            }
            return nil
        case .pod: break
        case .container, .target, .UNRECOGNIZED:
            throw refuse("mode \(request.mode) is not supported, only POD and NODE")
        }
        users = try Self.only("user", request.uids)
        groups = try Self.only("group", request.gids)
    }

    private static func only(
        _ kind: String, _ mappings: [Runtime_V1_IDMapping]
    ) throws(ServiceError) -> LinuxIDMapping {
        func refuse(_ cause: String) -> ServiceError { ServiceError(.invalid, "map \(kind)s", nil, cause) }
        guard let mapping = mappings.first, mappings.count == 1 else {
            throw refuse("exactly one mapping is supported, not \(mappings.count)")
        }
        guard mapping.containerID == 0 else {
            throw refuse("the container's id 0 is not mapped: the mapping begins with \(mapping.containerID)")
        }
        return try LinuxIDMapping(checking: mapping, of: kind)
    }

    /// The pod's root, as the machine knows it.
    var root: (uid: UInt32, gid: UInt32) { (users.hostID, groups.hostID) }

    /// Whether the pod has that user and those groups.
    func check(_ user: UserDatabase.Identity) throws(ServiceError) {
        func refuse(_ kind: String, _ id: UInt32, _ mapping: LinuxIDMapping) -> ServiceError {
            ServiceError(
                .invalid, "run as \(kind)", "\(id)",
                "the pod's user namespace has only \(mapping.size) of them, from 0 on")
        }
        guard user.uid < users.size else { throw refuse("user", user.uid, users) }
        for group in [user.gid] + user.groups where group >= groups.size { throw refuse("group", group, groups) }
    }
}

extension LinuxIDMapping {
    /// A mapping of the CRI. Refuses an empty one and one beyond the last id.
    init(checking mapping: Runtime_V1_IDMapping, of kind: String) throws(ServiceError) {
        guard mapping.length > 0, !mapping.hostID.addingReportingOverflow(mapping.length).overflow,
            !mapping.containerID.addingReportingOverflow(mapping.length).overflow
        else {
            throw ServiceError(
                .invalid, "map \(kind)s", nil,
                "\(mapping.length) ids from \(mapping.containerID) to \(mapping.hostID) are no range")
        }
        self.init(containerID: mapping.containerID, hostID: mapping.hostID, size: mapping.length)
    }

    /// `inside:outside:count`
    var text: String { "\(containerID):\(hostID):\(size)" }
}
