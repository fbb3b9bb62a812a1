// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// System call filter, see seccomp(2).
package struct LinuxSeccomp: Codable, Hashable, Sendable {
    /// What happens to a system call that no rule names.
    package var defaultAction: LinuxSeccompAction
    /// Error number of the default action; EPERM when absent.
    package var defaultErrnoRet: UInt32?
    /// Architectures beside the native one.
    package var architectures: [LinuxSeccompArch]?
    /// Flags of seccomp(2).
    package var flags: [LinuxSeccompFlag]?
    /// Socket that receives the notification descriptor.
    package var listenerPath: String?
    /// Text for the receiver of the descriptor.
    package var listenerMetadata: String?
    /// The rules.
    package var syscalls: [LinuxSyscall]?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(
        defaultAction: LinuxSeccompAction, defaultErrnoRet: UInt32? = nil, architectures: [LinuxSeccompArch]? = nil,
        flags: [LinuxSeccompFlag]? = nil, listenerPath: String? = nil, listenerMetadata: String? = nil,
        syscalls: [LinuxSyscall]? = nil
    ) {
        self.defaultAction = defaultAction
        self.defaultErrnoRet = defaultErrnoRet
        self.architectures = architectures
        self.flags = flags
        self.listenerPath = listenerPath
        self.listenerMetadata = listenerMetadata
        self.syscalls = syscalls
    }
}

/// One rule of the filter: system calls by name, conditions, and what happens.
package struct LinuxSyscall: Codable, Hashable, Sendable {
    /// System calls; names the host does not know are skipped.
    package var names: [String]
    /// What happens.
    package var action: LinuxSeccompAction
    /// Error number for ERRNO, message for TRACE; EPERM when absent.
    package var errnoRet: UInt32?
    /// Conditions; all must hold.
    package var args: [LinuxSeccompArg]?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(names: [String], action: LinuxSeccompAction, errnoRet: UInt32? = nil, args: [LinuxSeccompArg]? = nil) {
        self.names = names
        self.action = action
        self.errnoRet = errnoRet
        self.args = args
    }
}

/// A condition on one argument of a system call.
package struct LinuxSeccompArg: Codable, Hashable, Sendable {
    /// Position of the argument, 0 to 5.
    package var index: UInt32
    /// Value to compare with; the mask of MASKED_EQ.
    package var value: UInt64
    /// Value of MASKED_EQ.
    package var valueTwo: UInt64?
    /// The comparison.
    package var op: LinuxSeccompOperator

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(index: UInt32, value: UInt64, valueTwo: UInt64? = nil, op: LinuxSeccompOperator) {
        self.index = index
        self.value = value
        self.valueTwo = valueTwo
        self.op = op
    }
}

/// What happens to a system call.
package enum LinuxSeccompAction: String, Codable, Hashable, Sendable, CaseIterable {
    /// The calling thread dies; old name of `killThread`.
    case kill = "SCMP_ACT_KILL"
    /// The whole process dies.
    case killProcess = "SCMP_ACT_KILL_PROCESS"
    /// The calling thread dies.
    case killThread = "SCMP_ACT_KILL_THREAD"
    /// SIGSYS.
    case trap = "SCMP_ACT_TRAP"
    /// The call fails with an error number.
    case errno = "SCMP_ACT_ERRNO"
    /// A tracer decides.
    case trace = "SCMP_ACT_TRACE"
    /// The call is made.
    case allow = "SCMP_ACT_ALLOW"
    /// The call is made and logged.
    case log = "SCMP_ACT_LOG"
    /// The listener decides.
    case notify = "SCMP_ACT_NOTIFY"
}

/// Comparisons of arguments.
package enum LinuxSeccompOperator: String, Codable, Hashable, Sendable, CaseIterable {
    case notEqual = "SCMP_CMP_NE"
    case less = "SCMP_CMP_LT"
    case lessOrEqual = "SCMP_CMP_LE"
    case equal = "SCMP_CMP_EQ"
    case greaterOrEqual = "SCMP_CMP_GE"
    case greater = "SCMP_CMP_GT"
    case maskedEqual = "SCMP_CMP_MASKED_EQ"
}

/// Flags of seccomp(2).
package enum LinuxSeccompFlag: String, Codable, Hashable, Sendable, CaseIterable {
    /// All threads get the filter.
    case tsync = "SECCOMP_FILTER_FLAG_TSYNC"
    /// Every action but ALLOW is logged.
    case log = "SECCOMP_FILTER_FLAG_LOG"
    /// Speculative store bypass stays enabled.
    case specAllow = "SECCOMP_FILTER_FLAG_SPEC_ALLOW"
    /// While a listener decides, only fatal signals interrupt.
    case waitKillableRecv = "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"
}

/// Architectures of system calls.
package enum LinuxSeccompArch: String, Codable, Hashable, Sendable, CaseIterable {
    case x86 = "SCMP_ARCH_X86"
    case x86_64 = "SCMP_ARCH_X86_64"
    case x32 = "SCMP_ARCH_X32"
    case arm = "SCMP_ARCH_ARM"
    case aarch64 = "SCMP_ARCH_AARCH64"
    case loongarch64 = "SCMP_ARCH_LOONGARCH64"
    case m68k = "SCMP_ARCH_M68K"
    case mips = "SCMP_ARCH_MIPS"
    case mips64 = "SCMP_ARCH_MIPS64"
    case mips64n32 = "SCMP_ARCH_MIPS64N32"
    case mipsel = "SCMP_ARCH_MIPSEL"
    case mipsel64 = "SCMP_ARCH_MIPSEL64"
    case mipsel64n32 = "SCMP_ARCH_MIPSEL64N32"
    case ppc = "SCMP_ARCH_PPC"
    case ppc64 = "SCMP_ARCH_PPC64"
    case ppc64le = "SCMP_ARCH_PPC64LE"
    case s390 = "SCMP_ARCH_S390"
    case s390x = "SCMP_ARCH_S390X"
    case sh = "SCMP_ARCH_SH"
    case sheb = "SCMP_ARCH_SHEB"
    case parisc = "SCMP_ARCH_PARISC"
    case parisc64 = "SCMP_ARCH_PARISC64"
    case riscv64 = "SCMP_ARCH_RISCV64"
}
