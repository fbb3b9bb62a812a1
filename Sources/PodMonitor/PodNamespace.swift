// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Linux

/// A kind of namespace that a pod's containers can share, by the name of its file in /proc/PID/ns and in the pod's
/// folder of pinned namespaces. See namespaces(7).
package enum PodNamespace: String, Hashable, Sendable, CaseIterable {
    case network = "net"
    case ipc
    case uts
    case pid
    /// It owns the others that are made with it.
    case user

    package var flag: NamespaceFlags {
        switch self {
        case .network: .network
        case .ipc: .ipc
        case .uts: .uts
        case .pid: .pid
        case .user: .user
        }
    }
}
