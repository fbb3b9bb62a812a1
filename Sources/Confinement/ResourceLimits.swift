// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
package import OCIRuntimeSpec

/// Resource limits of a process. See getrlimit(2).
package struct ResourceLimits: Hashable, Sendable {
    private struct Limit: Hashable, Sendable {
        var resource: Int32
        var name: String
        var soft: UInt64
        var hard: UInt64
    }

    private var limits: [Limit] = []

    /// Names in the order of their numbers, from 0: asm-generic/resource.h.
    private static let names = [
        "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_DATA", "RLIMIT_STACK", "RLIMIT_CORE", "RLIMIT_RSS", "RLIMIT_NPROC",
        "RLIMIT_NOFILE", "RLIMIT_MEMLOCK", "RLIMIT_AS", "RLIMIT_LOCKS", "RLIMIT_SIGPENDING", "RLIMIT_MSGQUEUE",
        "RLIMIT_NICE", "RLIMIT_RTPRIO", "RLIMIT_RTTIME",
    ]

    /// The limits of a configuration. Throws for an unknown name, for one that is given twice, and for a soft limit
    /// above the hard one.
    package init(_ spec: [POSIXRlimit]) throws(ConfinementError) {
        for limit in spec {
            guard let resource = Self.names.firstIndex(of: limit.type) else {
                throw ConfinementError("invalid rlimit type: \"\(limit.type)\"")
            }
            if limits.contains(where: { $0.name == limit.type }) {
                throw ConfinementError("rlimit \"\(limit.type)\" is given twice")
            }
            guard limit.soft <= limit.hard else {
                throw ConfinementError("rlimit \"\(limit.type)\": soft limit is above the hard limit")
            }
            limits.append(
                Limit(resource: Int32(resource), name: limit.type, soft: limit.soft, hard: limit.hard))
        }
    }

    /// Raises those hard limits of a process, 0 for the caller, that are lower than what is asked for; needs
    /// CAP_SYS_RESOURCE. The process must have the caller's limits still. `apply` needs no right afterwards.
    package func raise(of process: Int32 = 0) throws(ConfinementError) {
        for limit in limits {
            try ConfinementError.attempt("set rlimit", limit.name) { () throws(Errno) in
                let present = try Syscall.limit(limit.resource)
                guard limit.hard > present.hard else { return }
                try Syscall.setLimit(limit.resource, soft: present.soft, hard: limit.hard, process: process)
            }
        }
    }

    /// What limits bind.
    package enum Part: Sendable {
        case all
        /// The births of processes alone.
        case births
        /// Everything else.
        case others
    }

    /// Sets the limits of a process, 0 for the caller. They bind at once: this belongs right before execve.
    package func apply(_ part: Part = .all, to process: Int32 = 0) throws(ConfinementError) {
        for limit in limits where part == .all || (limit.name == "RLIMIT_NPROC") == (part == .births) {
            try ConfinementError.attempt("set rlimit", limit.name) { () throws(Errno) in
                try Syscall.setLimit(limit.resource, soft: limit.soft, hard: limit.hard, process: process)
            }
        }
    }
}
