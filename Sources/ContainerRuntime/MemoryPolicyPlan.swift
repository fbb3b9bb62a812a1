// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Linux
internal import OCIRuntimeSpec

/// From which nodes a process gets its memory: `linux.memoryPolicy`. See set_mempolicy(2).
package struct MemoryPolicyPlan: Hashable, Sendable {
    /// MPOL_* with MPOL_F_* in its upper bits.
    package var mode: Int32
    package var nodes: NumberSet

    /// Modes by name, linux/mempolicy.h.
    static let modes: [(name: String, number: Int32)] = [
        ("MPOL_DEFAULT", 0), ("MPOL_PREFERRED", 1), ("MPOL_BIND", 2), ("MPOL_INTERLEAVE", 3), ("MPOL_LOCAL", 4),
        ("MPOL_PREFERRED_MANY", 5), ("MPOL_WEIGHTED_INTERLEAVE", 6),
    ]
    static let flags: [(name: String, bit: Int32)] = [
        ("MPOL_F_NUMA_BALANCING", 1 << 13), ("MPOL_F_RELATIVE_NODES", 1 << 14), ("MPOL_F_STATIC_NODES", 1 << 15),
    ]
    /// More nodes than any kernel is built for.
    private static let limit = 1024

    init(_ spec: LinuxMemoryPolicy) throws(PlanError) {
        guard let name = spec.mode, !name.isEmpty else { throw PlanError("memoryPolicy.mode is required") }
        guard let known = Self.modes.first(where: { $0.name == name }) else {
            throw PlanError("invalid memory policy mode \"\(name)\"")
        }
        mode = known.number
        nodes = try Self.nodes(spec.nodes)
        for name in spec.flags ?? [] {
            guard let flag = Self.flags.first(where: { $0.name == name }) else {
                throw PlanError("invalid memory policy flag \"\(name)\"")
            }
            mode |= flag.bit
        }
        try Self.checkNodes(nodes, name)
        try Self.checkFlags(spec.flags ?? [], name, nodes)
    }

    private static func nodes(_ list: String?) throws(PlanError) -> NumberSet {
        guard let list, !list.isEmpty else { return NumberSet() }
        guard let nodes = NumberSet(list: list, below: limit) else {
            throw PlanError("memoryPolicy.nodes \"\(list)\" is not a list of memory nodes")
        }
        return nodes
    }

    private static func checkNodes(_ nodes: NumberSet, _ mode: String) throws(PlanError) {
        switch mode {
        case "MPOL_DEFAULT", "MPOL_LOCAL":
            guard nodes.isEmpty else { throw PlanError("memory policy \(mode) takes no nodes") }
        case "MPOL_PREFERRED": break
        default:
            guard !nodes.isEmpty else { throw PlanError("memory policy \(mode) needs at least one node") }
        }
    }

    /// What set_mempolicy(2) answers with EINVAL, said in words.
    private static func checkFlags(_ flags: [String], _ mode: String, _ nodes: NumberSet) throws(PlanError) {
        if flags.contains("MPOL_F_STATIC_NODES"), flags.contains("MPOL_F_RELATIVE_NODES") {
            throw PlanError("memory policy flags MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other")
        }
        if flags.contains("MPOL_F_NUMA_BALANCING"), mode != "MPOL_BIND", mode != "MPOL_PREFERRED_MANY" {
            throw PlanError("memory policy flag MPOL_F_NUMA_BALANCING needs mode MPOL_BIND or MPOL_PREFERRED_MANY")
        }
        if let flag = flags.first, nodes.isEmpty {
            throw PlanError("memory policy flag \(flag) needs nodes")
        }
    }

    /// For the calling process and the program that it executes.
    func apply() throws {
        // A mode that came from the table is in it.
        let name = Self.modes.first { $0.number == mode & 0xff }?.name ?? "\(mode)"
        try SystemError.attempt("set memory policy", name) { () throws(Errno) in
            try Syscall.setMemoryPolicy(mode, nodes)
        }
    }
}
