// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Linux
package import OCIRuntimeSpec

/// A system call filter, compiled and ready to load. See seccomp(2).
///
/// The parent compiles while the child sets up its namespaces; the child only hands the program to the kernel.
///
/// The program is classic BPF: instructions of eight bytes, `struct sock_filter` of linux/filter.h as little-endian
/// numbers: code (16 bits), jump if true (8), jump if false (8), operand (32).
package struct SeccompFilter: Hashable, Sendable {
    /// The instructions.
    package let program: [UInt64]
    /// SECCOMP_FILTER_FLAG_* for seccomp(2).
    package let flags: UInt32
    /// Whether some rule leaves the decision to a listener; loading then yields its descriptor.
    package let hasListener: Bool

    /// Compiles the section `linux.seccomp`. Throws for what cannot be loaded or would block the runtime itself.
    ///
    /// With a cache, the directory keeps the program for the next container with the same section; it must be one that
    /// nobody else can write.
    ///
    /// Names that the host does not know are passed over, as profiles are written for all hosts, or refused.
    package init(
        _ spec: LinuxSeccomp, cache directory: String? = nil, failsOnUnknownCalls: Bool = false
    ) throws(ConfinementError) {
        try Self.check(spec)
        if failsOnUnknownCalls { try SeccompCompiler.refuseUnknownCalls(spec) }
        hasListener = (spec.syscalls ?? []).contains { $0.action == .notify }
        flags = Self.flags(spec.flags ?? [], listener: hasListener)
        let cache = directory.map { SeccompCache(directory: $0) }
        if let kept = cache?.program(spec) {
            program = kept
        } else {
            program = try SeccompCompiler.compile(spec)
            cache?.keep(program, for: spec)
        }
    }

    /// A program that was compiled elsewhere, in the form of `program`.
    package init(program: [UInt64]) {
        self.program = program
        flags = 0
        hasListener = false
    }

    /// A notification is sent with write(2), so a filter that notifies on write could not even be handed over.
    private static func check(_ spec: LinuxSeccomp) throws(ConfinementError) {
        if spec.defaultAction == .notify {
            throw ConfinementError("SCMP_ACT_NOTIFY cannot be used as default action")
        }
        for rule in spec.syscalls ?? [] where rule.action == .notify && rule.names.contains("write") {
            throw ConfinementError("SCMP_ACT_NOTIFY cannot be used for the write syscall")
        }
    }

    private static func flags(_ names: [LinuxSeccompFlag], listener: Bool) -> UInt32 {
        var flags = names.reduce(0) { $0 | bit(of: $1) }
        if listener {
            flags |= Flag.newListener
            // With a listener the failing thread's id would look like a descriptor.
            if flags & Flag.tsync != 0 { flags |= Flag.tsyncESRCH }
        } else {
            // The kernel refuses it without a listener, where it means nothing.
            flags &= ~Flag.waitKillableReceive
        }
        return flags
    }

    /// SECCOMP_FILTER_FLAG_* of linux/seccomp.h.
    private enum Flag {
        static let tsync: UInt32 = 1
        static let log: UInt32 = 2
        static let specAllow: UInt32 = 4
        static let newListener: UInt32 = 8
        static let tsyncESRCH: UInt32 = 16
        static let waitKillableReceive: UInt32 = 32
    }

    private static func bit(of flag: LinuxSeccompFlag) -> UInt32 {
        switch flag {
        case .tsync: Flag.tsync
        case .log: Flag.log
        case .specAllow: Flag.specAllow
        case .waitKillableRecv: Flag.waitKillableReceive
        }
    }

    /// The flags that the running kernel knows.
    package static var supportedFlags: [LinuxSeccompFlag] {
        LinuxSeccompFlag.allCases.filter { flag in
            Syscall.isFilterFlagKnown(bit(of: flag) | (flag == .waitKillableRecv ? Flag.newListener : 0))
        }
    }

    /// Filters the calling thread from here on, and returns the listener where the filter has one. Needs no_new_privs or
    /// CAP_SYS_ADMIN. Allocates nothing, so that it works under the narrowest limits.
    package func load() throws(ConfinementError) -> OwnedFD? {
        do throws(Errno) {
            let result = try Syscall.installFilter(program, flags: flags)
            return hasListener ? OwnedFD(adopting: result) : nil
        } catch {
            throw ConfinementError("load seccomp filter: \(error)")
        }
    }
}
