// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Confinement
package import Linux
package import OCIRuntimeSpec

/// The process to execute: the container's own, or one that joins it.
package struct ProcessPlan: Hashable, Sendable {
    package var arguments: [String]
    /// Without duplicates, the last of a name wins.
    package var environment: [String]
    /// Absolute, inside the container.
    package var workingDirectory: String
    package var uid: UInt32
    package var gid: UInt32
    package var groups: [UInt32]
    /// The process keeps the groups that the runtime was started with.
    package var keepsGroups = false
    package var umask: UInt32
    package var hasTerminal: Bool
    package var windowSize: WindowSize?
    /// Without any in the configuration the process has none.
    package var capabilities: CapabilitySets
    package var limits: ResourceLimits
    package var noNewPrivileges: Bool
    package var labels: [SecurityLabel]
    package var oomScoreAdjustment: Int?
    package var personality: UInt64?
    package var memoryPolicy: MemoryPolicyPlan?
    package var scheduling: SchedulingPlan
    /// For a process that joins a container; nil gives it all CPUs of the container.
    package var affinity: CPUAffinityPlan?

    /// Checks what the configuration says of the process, and what the section `linux` says of all processes.
    package init(_ process: Process, _ linux: LinuxConfig? = nil, host: HostFacts) throws(PlanError) {
        arguments = try Self.arguments(process)
        environment = try Self.environment(process.env ?? [])
        workingDirectory = try Self.workingDirectory(process.cwd)
        uid = process.user?.uid ?? 0
        gid = process.user?.gid ?? 0
        groups = process.user?.additionalGids ?? []
        try Self.checkIDs([uid, gid] + groups)
        umask = process.user?.umask ?? 0o022
        guard umask <= 0o777 else { throw PlanError("umask \(umask) is out of range") }
        hasTerminal = process.terminal ?? false
        windowSize = try Self.windowSize(process)
        (capabilities, limits, labels) = try Self.confinement(process, host)
        noNewPrivileges = process.noNewPrivileges ?? false
        oomScoreAdjustment = process.oomScoreAdj
        guard (-1000...1000).contains(oomScoreAdjustment ?? 0) else {
            throw PlanError("oomScoreAdj \(oomScoreAdjustment ?? 0) is out of range -1000 to 1000")
        }
        personality = try Self.personality(linux?.personality)
        memoryPolicy = try linux?.memoryPolicy.map { spec throws(PlanError) in try MemoryPolicyPlan(spec) }
        scheduling = try SchedulingPlan(process)
        affinity = try process.execCPUAffinity.map { spec throws(PlanError) in try CPUAffinityPlan(spec) }
    }

    private static func arguments(_ process: Process) throws(PlanError) -> [String] {
        guard let arguments = process.args, let program = arguments.first else {
            throw PlanError("args must not be empty")
        }
        guard !program.isEmpty else { throw PlanError("args[0] must not be empty") }
        guard !arguments.contains(where: { $0.utf8.contains(0) }) else { throw PlanError("args with a NUL byte") }
        return arguments
    }

    private static func environment(_ entries: [String]) throws(PlanError) -> [String] {
        var places: [Substring: Int] = [:]
        var kept: [String] = []
        for entry in entries {
            guard let equals = entry.firstIndex(of: "="), equals > entry.startIndex, !entry.utf8.contains(0) else {
                throw PlanError("invalid environment variable \"\(entry)\"")
            }
            if let place = places[entry[..<equals]] {
                kept[place] = entry
            } else {
                places[entry[..<equals]] = kept.count
                kept.append(entry)
            }
        }
        return kept
    }

    private static func workingDirectory(_ path: String) throws(PlanError) -> String {
        guard !path.isEmpty else { throw PlanError("Cwd property must not be empty") }
        guard path.hasPrefix("/"), !path.utf8.contains(0) else { throw PlanError("Cwd must be an absolute path") }
        return path
    }

    /// The highest number stands for "no change" in setresuid(2): the process would stay root. runc's range.
    static func checkIDs(_ ids: [UInt32]) throws(PlanError) {
        guard ids.allSatisfy({ $0 <= Int32.max }) else {
            throw PlanError("uids and gids must be in range 0-2147483647")
        }
    }

    /// The specification wants the size to be ignored where there is no terminal.
    private static func windowSize(_ process: Process) throws(PlanError) -> WindowSize? {
        guard process.terminal ?? false, let size = process.consoleSize else { return nil }
        guard let rows = UInt16(exactly: size.height), let columns = UInt16(exactly: size.width) else {
            throw PlanError("consoleSize \(size.height)x\(size.width) is out of range 0 to 65535")
        }
        return WindowSize(rows: rows, columns: columns)
    }

    private static func confinement(
        _ process: Process, _ host: HostFacts
    ) throws(PlanError) -> (CapabilitySets, ResourceLimits, [SecurityLabel]) {
        do throws(ConfinementError) {
            return (
                try process.capabilities.map { sets throws(ConfinementError) in try CapabilitySets(sets) }
                    ?? CapabilitySets(),
                try ResourceLimits(process.rlimits ?? []), try SecurityLabel.labels(process, host: host.labels)
            )
        } catch {
            throw PlanError(error.message)
        }
    }

    /// PER_LINUX and PER_LINUX32 of personality(2). The specification has no flags yet.
    private static func personality(_ personality: LinuxPersonality?) throws(PlanError) -> UInt64? {
        guard let personality else { return nil }
        if let flag = personality.flags?.first { throw .unsupported("personality flag \"\(flag)\"") }
        switch personality.domain {
        case "LINUX": return 0
        case "LINUX32": return 8
        default: throw PlanError("personality domain \"\(personality.domain ?? "")\" is unknown")
        }
    }
}
