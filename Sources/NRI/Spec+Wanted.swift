// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import NRIAPI
internal import OCIRuntimeSpec

// What plugins ask for, in the terms of the OCI. Nil for words that it does not have.

extension Hook {
    init(_ hook: NRIHook) {
        self.init(
            path: hook.path, args: hook.args.isEmpty ? nil : hook.args, env: hook.env.isEmpty ? nil : hook.env,
            timeout: hook.hasTimeout ? Int(hook.timeout.value) : nil)
    }
}

extension LinuxDevice {
    init(_ device: NRILinuxDevice) {
        self.init(
            type: device.type, path: device.path, major: device.major, minor: device.minor,
            fileMode: device.hasFileMode ? device.fileMode.value : nil, uid: device.hasUid ? device.uid.value : nil,
            gid: device.hasGid ? device.gid.value : nil)
    }
}

extension NRIIOPrioClass {
    var word: String? {
        switch self {
        case .rt: "IOPRIO_CLASS_RT"
        case .be: "IOPRIO_CLASS_BE"
        case .idle: "IOPRIO_CLASS_IDLE"
        case .none, .UNRECOGNIZED: nil
        }
    }
}

extension Scheduler {
    init?(_ wanted: NRILinuxScheduler) {
        let policies = [
            "SCHED_OTHER", "SCHED_FIFO", "SCHED_RR", "SCHED_BATCH", "SCHED_ISO", "SCHED_IDLE", "SCHED_DEADLINE",
        ]
        let flags = [
            "SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_RECLAIM", "SCHED_FLAG_DL_OVERRUN", "SCHED_FLAG_KEEP_POLICY",
            "SCHED_FLAG_KEEP_PARAMS", "SCHED_FLAG_UTIL_CLAMP_MIN", "SCHED_FLAG_UTIL_CLAMP_MAX",
        ]
        let policy = wanted.policy.rawValue - 1
        guard policies.indices.contains(policy), wanted.flags.allSatisfy({ flags.indices.contains($0.rawValue) }) else {
            return nil
        }
        func given<Number: FixedWidthInteger>(_ number: Number) -> Number? { number == 0 ? nil : number }
        self.init(
            policy: policies[policy], nice: given(wanted.nice), priority: given(wanted.priority),
            flags: wanted.flags.isEmpty ? nil : wanted.flags.map { flags[$0.rawValue] }, runtime: given(wanted.runtime),
            deadline: given(wanted.deadline), period: given(wanted.period))
    }
}

extension LinuxMemoryPolicy {
    init?(_ wanted: NRILinuxMemoryPolicy) {
        let modes = [
            "MPOL_DEFAULT", "MPOL_PREFERRED", "MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_LOCAL", "MPOL_PREFERRED_MANY",
            "MPOL_WEIGHTED_INTERLEAVE",
        ]
        let flags = ["MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES", "MPOL_F_NUMA_BALANCING"]
        guard modes.indices.contains(wanted.mode.rawValue),
            wanted.flags.allSatisfy({ flags.indices.contains($0.rawValue) })
        else { return nil }
        self.init(
            mode: modes[wanted.mode.rawValue], nodes: wanted.nodes.isEmpty ? nil : wanted.nodes,
            flags: wanted.flags.isEmpty ? nil : wanted.flags.map { flags[$0.rawValue] })
    }
}

extension LinuxSeccomp {
    init?(_ wanted: NRILinuxSeccomp) {
        guard let action = LinuxSeccompAction(rawValue: wanted.defaultAction) else { return nil }
        let architectures = wanted.architectures.map(LinuxSeccompArch.init(rawValue:))
        let flags = wanted.flags.map(LinuxSeccompFlag.init(rawValue:))
        let syscalls = wanted.syscalls.map(LinuxSyscall.init)
        guard !architectures.contains(nil), !flags.contains(nil), !syscalls.contains(nil) else { return nil }
        self.init(
            defaultAction: action, defaultErrnoRet: wanted.hasDefaultErrno ? wanted.defaultErrno.value : nil,
            architectures: architectures.isEmpty ? nil : architectures.compactMap(\.self),
            flags: flags.isEmpty ? nil : flags.compactMap(\.self),
            listenerPath: wanted.listenerPath.isEmpty ? nil : wanted.listenerPath,
            listenerMetadata: wanted.listenerMetadata.isEmpty ? nil : wanted.listenerMetadata,
            syscalls: syscalls.isEmpty ? nil : syscalls.compactMap(\.self))
    }
}

extension LinuxSyscall {
    init?(_ wanted: NRILinuxSyscall) {
        guard let action = LinuxSeccompAction(rawValue: wanted.action) else { return nil }
        let arguments = wanted.args.map { argument in
            LinuxSeccompOperator(rawValue: argument.op).map {
                LinuxSeccompArg(
                    index: argument.index, value: argument.value,
                    valueTwo: argument.valueTwo == 0 ? nil : argument.valueTwo, op: $0)
            }
        }
        guard !arguments.contains(nil) else { return nil }
        self.init(
            names: wanted.names, action: action, errnoRet: wanted.hasErrnoRet ? wanted.errnoRet.value : nil,
            args: arguments.isEmpty ? nil : arguments.compactMap(\.self))
    }
}
