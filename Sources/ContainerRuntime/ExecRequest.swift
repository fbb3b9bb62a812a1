// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
package import OCIRuntimeSpec

/// What `exec` was asked for.
package struct ExecRequest: Sendable {
    /// The whole process, from `--process`; the other properties are for a process like the container's own.
    package var process: Process?
    package var arguments: [String] = []
    package var workingDirectory: String?
    package var environment: [String] = []
    package var user: (uid: UInt32, gid: UInt32?)?
    package var additionalGroups: [UInt32] = []
    package var capabilities: [String] = []
    package var noNewPrivileges: Bool?
    package var appArmorProfile: String?
    package var label: String?
    package var terminal = false

    package var isDetached = false
    package var pidFile: String?
    package var consoleSocket: String?
    /// Path of the socket that gets the pidfd of the process.
    package var pidfdSocket: String?
    package var preservedDescriptors: Int32 = 0
    package var ignoresPause = false
    /// Cgroups below the container's, with the controllers that each is meant for; none means all.
    package var cgroups: [(controllers: [String], path: String)] = []

    package init() {}

    /// The process: as given, or the container's own with the changes of the command line.
    func merged(with base: Process?) throws(PlanError) -> Process {
        if let process { return process }
        guard var merged = base else { throw PlanError("process property must not be empty") }
        merged.args = arguments
        merged.terminal = terminal
        merged.consoleSize = nil
        merged.oomScoreAdj = nil
        if let workingDirectory { merged.cwd = workingDirectory }
        merged.env = (merged.env ?? []) + environment
        if let user { merged.user = User(uid: user.uid, gid: user.gid ?? merged.user?.gid, umask: merged.user?.umask) }
        if !additionalGroups.isEmpty { merged.user = merged.user.adding(additionalGroups) }
        merged.capabilities = merged.capabilities.adding(capabilities)
        if let noNewPrivileges { merged.noNewPrivileges = noNewPrivileges }
        if let appArmorProfile { merged.apparmorProfile = appArmorProfile }
        if let label { merged.selinuxLabel = label }
        return merged
    }
}

extension User? {
    fileprivate func adding(_ groups: [UInt32]) -> User {
        var user = self ?? User()
        user.additionalGids = (user.additionalGids ?? []) + groups
        return user
    }
}

extension LinuxCapabilities? {
    /// Capabilities of `--cap` come on top; ambient ones only where they could be inherited anyway.
    fileprivate func adding(_ names: [String]) -> LinuxCapabilities? {
        if names.isEmpty { return self }
        var sets = self ?? LinuxCapabilities()
        sets.bounding = (sets.bounding ?? []) + names
        sets.effective = (sets.effective ?? []) + names
        sets.permitted = (sets.permitted ?? []) + names
        return sets
    }
}
