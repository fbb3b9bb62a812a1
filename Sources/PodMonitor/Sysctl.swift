// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// One kernel parameter of a pod. See sysctl(8) and sysctl.d(5) for the two ways to write a name.
package struct Sysctl: Hashable, Sendable {
    /// As it was given.
    package var name: String
    package var value: String
    /// The file below /proc/sys: `net/ipv4/ip_forward`.
    package var path: String

    /// Reads `name=value`. In the name, dots part the components; when a slash comes first, slashes do, and a dot is a
    /// dot. Nil when there is no `=`, or a component is empty or would lead out of /proc/sys.
    package init?(parsing text: String) {
        guard let equals = text.firstIndex(of: "=") else { return nil }
        name = String(text[..<equals])
        value = String(text[text.index(after: equals)...])
        let slashesPart = name.first { $0 == "." || $0 == "/" } == "/"
        path = slashesPart ? name : String(name.map { $0 == "." ? "/" : $0 == "/" ? "." : $0 })
        let components = path.split(separator: "/", omittingEmptySubsequences: false)
        guard components.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else { return nil }
    }

    /// The namespace that the parameter belongs to; nil when it is the whole machine's.
    package var namespace: PodNamespace? {
        switch path {
        case "kernel/sem": .ipc
        case "kernel/hostname", "kernel/domainname": .uts
        case _ where path.hasPrefix("net/"): .network
        case _ where path.hasPrefix("kernel/shm") || path.hasPrefix("kernel/msg"): .ipc
        case _ where path.hasPrefix("fs/mqueue/"): .ipc
        default: nil
        }
    }
}
