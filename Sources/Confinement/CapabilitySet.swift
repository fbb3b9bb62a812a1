// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Capabilities as the kernel counts them: bit N is capability N. See capabilities(7).
package struct CapabilitySet: OptionSet, Hashable, Sendable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Names without `CAP_` in the order of their numbers, from 0: linux/capability.h.
    private static let table = [
        "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
        "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
        "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
        "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
        "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
        "CHECKPOINT_RESTORE",
    ]

    /// Every name, `CAP_CHOWN` first.
    package static let allNames = table.map { "CAP_\($0)" }

    /// The set of the names, which must be exact: `CAP_NET_ADMIN`. Throws for a name that does not exist.
    package init(names: [String]) throws(ConfinementError) {
        var set: UInt64 = 0
        for name in names {
            guard name.hasPrefix("CAP_"), let number = Self.table.firstIndex(of: String(name.dropFirst(4))) else {
                throw ConfinementError("unknown capability \"\(name)\"")
            }
            set |= 1 << UInt64(number)
        }
        rawValue = set
    }

    /// The names in the order of their numbers; numbers without a name are left out.
    package var names: [String] {
        Self.allNames.enumerated().filter { rawValue & 1 << UInt64($0.offset) != 0 }.map(\.element)
    }

    /// The number of the highest capability; nil for the empty set.
    var highest: Int? { rawValue == 0 ? nil : 63 - rawValue.leadingZeroBitCount }

    /// The name of a number, for messages.
    static func name(_ number: Int) -> String {
        allNames.indices.contains(number) ? allNames[number] : "CAP_\(number)"
    }
}
