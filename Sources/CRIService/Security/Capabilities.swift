// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// The capabilities of one container, worked out from the engine's defaults and what the request adds and drops.
package struct Capabilities: Hashable, Sendable {
    /// Bounding, permitted and effective set: names with `CAP_`, sorted.
    package var sets: [String]
    /// Ambient and inheritable set.
    package var ambient: [String]

    /// Applies a request. `ALL` in either list comes first, then single additions, then single removals, so that
    /// "drop ALL, add NET_BIND_SERVICE" leaves one. What `ALL` and privileged mean ends at what the daemon `holds`;
    /// a single name beyond that is an error. Names may lack `CAP_` and be in any case.
    package init(
        defaults: [String], add: [String], drop: [String], ambient: [String] = [], privileged: Bool = false,
        holds: Set<String> = Set(Self.known)
    ) throws(ServiceError) {
        if privileged {
            self.init(holds.intersection(Self.known), [])
            return
        }
        let (addsAll, add) = try Self.normalised(add)
        let (dropsAll, drop) = try Self.normalised(drop)
        let (_, ambient) = try Self.normalised(ambient)
        var sets = Set(defaults).intersection(holds)
        if addsAll { sets = holds.intersection(Self.known) }
        if dropsAll { sets = [] }
        for name in add + ambient where !holds.contains(name) {
            throw ServiceError(.invalid, "add capability", name, "the daemon itself does not have it")
        }
        sets.formUnion(add)
        sets.formUnion(ambient)
        sets.subtract(drop)
        self.init(sets, Set(ambient).intersection(sets))
    }

    private init(_ sets: Set<String>, _ ambient: Set<String>) {
        self.sets = sets.sorted()
        self.ambient = ambient.sorted()
    }

    /// Splits off `ALL` and gives every name its full form.
    private static func normalised(_ names: [String]) throws(ServiceError) -> (all: Bool, names: [String]) {
        var all = false
        var result: [String] = []
        for name in names {
            let upper = name.uppercased()
            if upper == "ALL" || upper == "CAP_ALL" {
                all = true
                continue
            }
            let full = upper.hasPrefix("CAP_") ? upper : "CAP_" + upper
            guard known.contains(full) else {
                throw ServiceError(.invalid, "read capability", name, "no such capability")
            }
            result.append(full)
        }
        return (all, result)
    }

    /// The names for the bits of a mask, as `/proc/self/status` shows it: bit 0 is CAP_CHOWN.
    package static func names(mask: UInt64) -> Set<String> {
        Set(known.enumerated().filter { mask & (1 << UInt64($0.offset)) != 0 }.map(\.element))
    }

    /// Every capability by its number, capabilities(7).
    package static let known = [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
        "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST",
        "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO",
        "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE",
        "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE",
        "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM",
        "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
    ]
}
