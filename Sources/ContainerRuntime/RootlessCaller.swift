// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// Whether the runtime works for somebody without rights on the host.
package enum RootlessCaller {
    /// What `--rootless` says: `true`, `false`, or anything else, which asks the kernel.
    package static func isRootless(_ option: String?) -> Bool {
        switch option {
        case "true": true
        case "false": false
        default: Syscall.effectiveUserID != 0 || isInUserNamespace
        }
    }

    /// Root of a user namespace, as under podman without root. The initial one maps every id to itself.
    private static var isInUserNamespace: Bool {
        guard let text = try? Syscall.readText("/proc/self/uid_map") else { return false }
        return text.split(separator: " ").map { $0.filter { $0 != "\n" } } != ["0", "0", "4294967295"]
    }
}

/// Whether the groups of processes can be set, which a user namespace may forbid: user_namespaces(7), "setgroups".
enum GroupChange {
    static func isDenied(_ process: String, _ proc: HostProc) -> Bool {
        guard let text = try? Syscall.readText("\(process)/setgroups", at: proc.rawValue) else { return false }
        return text.hasPrefix("deny")
    }

    /// The groups of the caller stay where they cannot be changed; others cannot be had then.
    static func adapt(_ plan: inout ProcessPlan, of process: String, _ proc: HostProc) throws {
        guard isDenied(process, proc) else { return }
        guard plan.groups.isEmpty else {
            throw RuntimeError("cannot set any additional groups in a rootless container")
        }
        plan.keepsGroups = true
    }
}
