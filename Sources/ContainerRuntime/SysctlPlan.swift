// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import OCIRuntimeSpec

/// A kernel parameter of one of the container's namespaces.
package struct SysctlPlan: Hashable, Sendable {
    /// Below /proc/sys.
    package var path: String
    package var value: String
    /// The namespace that it belongs to.
    package var namespace: LinuxNamespaceType

    private static let ipcNames: Set<String> = [
        "kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/sem", "kernel/shmall", "kernel/shmmax",
        "kernel/shmmni", "kernel/shm_rmid_forced",
    ]

    /// Only parameters of namespaces that the container does not share with the host.
    package init(_ name: String, _ value: String, _ namespaces: NamespacePlans) throws(PlanError) {
        path = Self.path(of: name)
        self.value = value
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count > 1, parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }), !name.utf8.contains(0)
        else { throw PlanError("sysctl \"\(name)\": not a name") }
        guard let namespace = Self.namespace(of: path) else {
            throw PlanError("sysctl \"\(name)\" is not in a separate kernel namespace")
        }
        guard namespaces.isPrivate(namespace) else {
            throw PlanError("sysctl \"\(name)\" is not allowed in the host \(namespace.rawValue) namespace")
        }
        self.namespace = namespace
    }

    private static func namespace(of path: String) -> LinuxNamespaceType? {
        if ipcNames.contains(path) || path.hasPrefix("fs/mqueue/") { return .ipc }
        if path.hasPrefix("net/") { return .network }
        if path == "kernel/domainname" || path == "kernel/hostname" { return .uts }
        return nil
    }

    /// Names may be written with dots or with slashes; the separator that comes first decides, and the other stands for
    /// itself (`net.ipv4.conf.eth0/1.forwarding` is the interface eth0.1), sysctl(8).
    private static func path(of name: String) -> String {
        guard let first = name.first(where: { $0 == "." || $0 == "/" }), first == "." else { return name }
        return String(name.map { $0 == "." ? "/" : $0 == "/" ? "." : $0 })
    }
}
