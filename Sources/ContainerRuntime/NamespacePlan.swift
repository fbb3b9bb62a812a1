// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Linux
package import OCIRuntimeSpec

/// Where the container's namespace of one kind comes from.
package enum NamespacePlan: Hashable, Sendable {
    /// Shared with the runtime.
    case inherit
    case create
    /// The file of a namespace, `/proc/PID/ns/KIND` or a bind mount of it.
    case join(String)
}

/// The plan for every kind of namespace.
package struct NamespacePlans: Hashable, Sendable {
    private var plans: [LinuxNamespaceType: NamespacePlan] = [:]

    /// Reads the list of the configuration.
    package init(_ namespaces: [LinuxNamespace]) throws(PlanError) {
        for namespace in namespaces {
            let kind = namespace.type
            guard plans[kind] == nil else { throw PlanError("malformed spec file: duplicated ns \"\(kind.rawValue)\"") }
            guard let path = namespace.path, !path.isEmpty else {
                plans[kind] = .create
                continue
            }
            guard path.hasPrefix("/"), !path.utf8.contains(0) else {
                throw PlanError("namespace path \"\(path)\" of type \(kind.rawValue) must be absolute")
            }
            plans[kind] = .join(path)
        }
    }

    package subscript(_ kind: LinuxNamespaceType) -> NamespacePlan { plans[kind] ?? .inherit }

    /// Whether the container has the namespace for itself or with others, but not with the runtime.
    package func isPrivate(_ kind: LinuxNamespaceType) -> Bool { self[kind] != .inherit }

    /// The kinds that are created.
    package var created: NamespaceFlags {
        plans.reduce(into: []) { if $1.value == .create { $0.insert($1.key.flag) } }
    }

    /// The files that are joined, the user namespace last: joining it gives up the right to the others.
    package var joined: [(kind: LinuxNamespaceType, path: String)] {
        let order: [LinuxNamespaceType] = [.pid, .time, .network, .ipc, .uts, .cgroup, .user]
        return order.compactMap { kind in
            if case .join(let path) = self[kind] { (kind, path) } else { nil }
        }
    }
}

extension LinuxNamespaceType {
    /// The flag of clone(2).
    package var flag: NamespaceFlags {
        switch self {
        case .mount: .mount
        case .pid: .pid
        case .network: .network
        case .uts: .uts
        case .ipc: .ipc
        case .user: .user
        case .cgroup: .cgroup
        case .time: .time
        }
    }

    /// The name below /proc/PID/ns.
    package var fileName: String {
        switch self {
        case .mount: "mnt"
        case .network: "net"
        case .pid, .uts, .ipc, .user, .cgroup, .time: rawValue
        }
    }
}
