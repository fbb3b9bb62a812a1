// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// The scope unit that holds a container's processes.
package struct SystemdScope: Codable, Hashable, Sendable {
    /// `libpod-0123.scope`
    package var unit: String
    /// `machine.slice`
    package var slice: String
    /// Whether the user's manager keeps it, not the system's.
    package var isUser: Bool

    /// Every property by name.
    package init(unit: String, slice: String, isUser: Bool) {
        self.unit = unit
        self.slice = slice
        self.isUser = isUser
    }

    /// What `linux.cgroupsPath` means to systemd: `slice:prefix:name`, of which slice and prefix may be empty. Without a
    /// path the scope has the container's name.
    package init(cgroupsPath: String?, id: String, isUser: Bool) throws(CgroupError) {
        let text = cgroupsPath.flatMap { $0.isEmpty ? nil : $0 } ?? ":skiffrun:\(id)"
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, !parts[2].isEmpty else {
            throw CgroupError(
                .invalid,
                "expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups, got \"\(text)\" instead"
            )
        }
        let name = parts[1].isEmpty ? parts[2] : "\(parts[1])-\(parts[2])"
        guard !name.contains("/"), !name.hasSuffix(".slice") else {
            throw CgroupError(.invalid, "invalid systemd unit name \"\(name)\": not the name of a scope")
        }
        unit = name.hasSuffix(".scope") ? name : "\(name).scope"
        slice = parts[0].isEmpty ? (isUser ? "user.slice" : "system.slice") : parts[0]
        self.isUser = isUser
        // Refused here, before anything is made.
        _ = try path()
    }

    /// The cgroup's path below that of the manager. Each dash of a slice's name is a level:
    /// `a-b.slice` is `a.slice/a-b.slice`, and `-.slice` the manager's own. See systemd.slice(5).
    func path() throws(CgroupError) -> String {
        let suffix = ".slice"
        let name = slice.dropLast(suffix.count)
        guard slice.hasSuffix(suffix), !name.isEmpty, !slice.contains("/") else {
            throw CgroupError(.invalid, "invalid slice name: \(slice)")
        }
        if name == "-" { return "/\(unit)" }
        var path = ""
        var prefix = ""
        for part in name.split(separator: "-", omittingEmptySubsequences: false) {
            guard !part.isEmpty else { throw CgroupError(.invalid, "invalid slice name: \(slice)") }
            prefix += prefix.isEmpty ? "\(part)" : "-\(part)"
            path += "/\(prefix)\(suffix)"
        }
        return "\(path)/\(unit)"
    }
}

extension CgroupLayout {
    /// The cgroup of a scope. A user's manager has to be asked where its own cgroup is.
    package func location(_ scope: SystemdScope) throws(CgroupError) -> CgroupLocation {
        var root = ""
        if scope.isUser {
            var manager = try SystemdManager.connect(user: true)
            root = try manager.controlGroup()
        }
        return try location(scope, belowManager: root)
    }

    func location(_ scope: SystemdScope, belowManager root: String) throws(CgroupError) -> CgroupLocation {
        var location = try location(root + scope.path())
        location.scope = scope
        return location
    }
}
