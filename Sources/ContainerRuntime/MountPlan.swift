// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
package import OCIRuntimeSpec

/// One mount below the container's root.
package struct MountPlan: Hashable, Sendable {
    package enum Content: Hashable, Sendable {
        /// A file or directory of the host; recursive with the mounts below it.
        case bind(source: String, recursive: Bool)
        /// The container's cgroups, in the form in which the host has them.
        case cgroup
        /// A file system of memory. Its own case because it is made writable first: mount points are made in it.
        case tmpfs(source: String)
        /// Any other file system.
        case fileSystem(type: String, source: String)
    }

    /// Absolute and clean, inside the container.
    package var destination: String
    package var content: Content
    package var options: MountOptions
    /// Whose files are shown under other ids.
    package var idMap: IDMapPlan?

    /// Reads one mount of the configuration.
    package init(_ mount: Mount, bundle: String) throws(PlanError) {
        guard !mount.destination.isEmpty else { throw PlanError("mount without a destination") }
        guard !mount.destination.utf8.contains(0), !(mount.source ?? "").utf8.contains(0) else {
            throw PlanError("mount \"\(mount.destination)\": path with a NUL byte")
        }
        destination = LexicalPath.absolute(mount.destination)
        guard destination != "/" else { throw PlanError("mount \"/\": the root filesystem cannot be mounted over") }
        options = try MountOptions(mount.options ?? [])
        content = try Self.content(mount, options, bundle: bundle)
        idMap = try IDMapPlan(mount, options)
        if let problem = misplacedOption { throw PlanError("mount \"\(destination)\": \(problem)") }
    }

    /// An option that has no meaning for this kind of mount. The kernel would not say so.
    private var misplacedOption: String? {
        if options.handling.contains(.copyUp), !isTmpfs { return "tmpcopyup is for tmpfs only" }
        guard isBind else {
            if idMap != nil { return "an ID mapping is for bind mounts only" }
            return options.handling.subtracting(.copyUp).isEmpty
                ? nil : "copy-symlink, src-nofollow and dest-nofollow are for bind mounts only"
        }
        return options.data.first.map { "unknown option \"\($0)\" of a bind mount" }
    }

    private static func content(
        _ mount: Mount, _ options: MountOptions, bundle: String
    ) throws(PlanError) -> Content {
        let source = mount.source ?? ""
        // The type of a bind mount is ignored, and "bind" as a type is understood as the option.
        if options.bind != nil || mount.type == "bind" {
            guard !source.isEmpty else { throw PlanError("mount \"\(mount.destination)\": bind without a source") }
            return .bind(
                source: LexicalPath.absolute(source, base: bundle), recursive: options.bind == .recursive)
        }
        switch mount.type ?? "" {
        case "": throw PlanError("mount \"\(mount.destination)\": neither a type nor the option bind")
        case "cgroup", "cgroup2": return .cgroup
        case "tmpfs": return .tmpfs(source: source.isEmpty ? "tmpfs" : source)
        case let type: return .fileSystem(type: type, source: source.isEmpty ? type : source)
        }
    }

    var isTmpfs: Bool { if case .tmpfs = content { true } else { false } }
    var isBind: Bool { if case .bind = content { true } else { false } }

    /// Files of procfs over which programs like lxcfs mount their own view. Nothing else may be mounted there: a fake
    /// /proc would catch what the runtime writes to it (CVE-2019-16884, CVE-2019-19921).
    static let mountableInProc: Set<String> = [
        "/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat", "/proc/swaps", "/proc/uptime",
        "/proc/loadavg", "/proc/slabinfo", "/proc/net/dev", "/proc/sys/kernel/ns_last_pid",
        "/proc/sys/crypto/fips_enabled",
    ]
}
