// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
package import OCIRuntimeSpec

/// The label that a Linux Security Module gives to the program which a process executes next.
package struct SecurityLabel: Hashable, Sendable {
    /// The modules that have labels.
    package enum Module: Hashable, Sendable { case appArmor, seLinux }

    /// Which modules the host has switched on.
    package struct Host: Hashable, Sendable {
        package var appArmor: Bool
        package var seLinux: Bool

        /// Every property by name.
        package init(appArmor: Bool, seLinux: Bool) {
            self.appArmor = appArmor
            self.seLinux = seLinux
        }

        /// The running kernel's answer.
        package static var current: Host {
            let parameter = try? Syscall.readText("/sys/module/apparmor/parameters/enabled")
            return Host(
                appArmor: parameter?.hasPrefix("Y") ?? false,
                // The file appears with the mount that the policy's loader makes.
                seLinux: Syscall.exists("/sys/fs/selinux/enforce"))
        }
    }

    package var module: Module
    package var text: String

    /// The labels that a process asks for. Throws when its module is not there; runc's words, which callers know.
    package static func labels(_ process: Process, host: Host) throws(ConfinementError) -> [SecurityLabel] {
        var labels: [SecurityLabel] = []
        if let profile = process.apparmorProfile, !profile.isEmpty {
            guard host.appArmor else { throw ConfinementError("apparmor: config provided but apparmor not supported") }
            labels.append(SecurityLabel(module: .appArmor, text: profile))
        }
        if let label = process.selinuxLabel, !label.isEmpty {
            guard host.seLinux else { throw seLinuxMissing }
            labels.append(SecurityLabel(module: .seLinux, text: label))
        }
        return labels
    }

    /// Throws when mounts shall have an SELinux label that nobody understands.
    package static func checkMountLabel(_ label: String?, host: Host) throws(ConfinementError) {
        if let label, !label.isEmpty, !host.seLinux { throw seLinuxMissing }
    }

    private static let seLinuxMissing = ConfinementError(
        "selinux label is specified in config, but selinux is disabled or not supported")

    /// Labels the keyrings that the calling thread makes from here on: keys have SELinux labels only. `proc` as in `apply`.
    package func applyToKeys(proc: Int32) throws(ConfinementError) {
        guard module == .seLinux else { return }
        let path = "thread-self/attr/keycreate"
        try ConfinementError.attempt("write \"\(text)\" to", "/proc/\(path)") { () throws(Errno) in
            try Syscall.writeExisting(path, text, at: proc)
        }
    }

    /// Labels the next program of the calling thread. `proc` is a directory descriptor of a procfs that nobody else can
    /// have mounted over (CVE-2025-52881).
    package func apply(proc: Int32) throws(ConfinementError) {
        // Where modules are stacked, AppArmor has a folder of its own; the plain file belongs to the first module.
        let own = "thread-self/attr/apparmor/exec"
        let path = module == .appArmor && Syscall.exists(own, at: proc) ? own : "thread-self/attr/exec"
        let value = module == .appArmor ? "exec \(text)" : text
        try ConfinementError.attempt("write \"\(value)\" to", "/proc/\(path)") { () throws(Errno) in
            try Syscall.writeExisting(path, value, at: proc)
        }
    }
}
