// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import OCIRuntimeSpec

/// Writes the ID mappings of a new user namespace. See user_namespaces(7).
///
/// Root writes them itself. A user without rights on the host may map the own ids alone; for others, that is for the
/// ranges that /etc/subuid and /etc/subgid give to the user, there are the privileged programs newuidmap(1) and
/// newgidmap(1), which check every range.
struct IDMapper {
    let plan: ContainerPlan
    /// Directories of the programs, separated by colons.
    let searchPath: String
    let hostProc: HostProc

    /// Maps the namespace of the process.
    func map(_ pid: Int32) throws {
        guard Syscall.effectiveUserID != 0 else {
            try hostProc.write("\(pid)/uid_map", ContainerCreation.text(of: plan.uidMappings))
            try hostProc.write("\(pid)/gid_map", ContainerCreation.text(of: plan.gidMappings))
            return
        }
        if Self.isOnly(Syscall.effectiveUserID, plan.uidMappings) {
            try hostProc.write("\(pid)/uid_map", ContainerCreation.text(of: plan.uidMappings))
        } else {
            try run("newuidmap", pid, plan.uidMappings)
        }
        if Self.isOnly(Syscall.effectiveGroupID, plan.gidMappings) {
            // CVE-2014-8989: otherwise a user could drop a group that is denied something.
            try hostProc.write("\(pid)/setgroups", "deny")
            try hostProc.write("\(pid)/gid_map", ContainerCreation.text(of: plan.gidMappings))
        } else {
            try run("newgidmap", pid, plan.gidMappings)
        }
    }

    private func run(_ name: String, _ pid: Int32, _ mappings: [LinuxIDMapping]) throws {
        guard let program = ChildPlan.find(name, path: searchPath) else {
            throw RuntimeError(
                "\(name): executable file not found in $PATH; it maps ids of other users (package uidmap)")
        }
        let numbers = mappings.flatMap { [$0.containerID, $0.hostID, $0.size] }.map { "\($0)" }
        let result = try SystemError.attempt("run", program) { () throws(Errno) in
            try CommandOutput.run(ChildPlan(program, [name, "\(pid)"] + numbers), limit: 4096)
        }
        guard result.status.isSuccess else {
            let reason = result.errorText.split(separator: "\n").joined(separator: "; ")
            throw RuntimeError("map ids with \(name): \(reason.isEmpty ? "\(result.status)" : reason)")
        }
    }

    /// One id, the own one.
    private static func isOnly(_ id: UInt32, _ mappings: [LinuxIDMapping]) -> Bool {
        mappings.count == 1 && mappings.allSatisfy { $0.hostID == id && $0.size == 1 }
    }
}
