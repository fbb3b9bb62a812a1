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

    /// The system's unit, a scope or slice, whose cgroup is at the path; nil for another cgroup.
    package init?(path: String) {
        let names = path.split(separator: "/").map(String.init)
        guard let unit = names.last, unit.hasSuffix(".scope") || unit.hasSuffix(Self.suffix) else { return nil }
        self.init(unit: unit, slice: names.count > 1 ? names[names.count - 2] : "-.slice", isUser: false)
    }

    private static let suffix = ".slice"

    /// The cgroup's path below that of the manager.
    func path() throws(CgroupError) -> String { "\(try Self.path(ofSlice: slice))/\(unit)" }

    /// The path of a slice's cgroup below that of the manager. Each dash of its name is a level: `a-b.slice` is
    /// `/a.slice/a-b.slice`, and `-.slice`, with the path "", the manager's own. See systemd.slice(5).
    package static func path(ofSlice slice: String) throws(CgroupError) -> String {
        let name = slice.dropLast(suffix.count)
        guard slice.hasSuffix(suffix), !name.isEmpty, !slice.contains("/") else {
            throw CgroupError(.invalid, "invalid slice name: \(slice)")
        }
        if name == "-" { return "" }
        var path = ""
        var prefix = ""
        for part in name.split(separator: "-", omittingEmptySubsequences: false) {
            guard !part.isEmpty else { throw CgroupError(.invalid, "invalid slice name: \(slice)") }
            prefix += prefix.isEmpty ? "\(part)" : "-\(part)"
            path += "/\(prefix)\(suffix)"
        }
        return path
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
