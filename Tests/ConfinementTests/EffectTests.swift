// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import OCIRuntimeSpec
import TestSupport
import Testing

@testable import Confinement

/// What the kernel makes of it. Each test confines a process of its own, which ends with it.
@Suite(.requiresRoot) struct EffectTests {
    @Test func `capability sets are in force after a change of user`() async {
        await #expect(processExitsWith: .success) {
            let sets = try CapabilitySets(
                .init(
                    bounding: ["CAP_CHOWN", "CAP_NET_RAW", "CAP_KILL"], effective: ["CAP_CHOWN"],
                    inheritable: ["CAP_NET_RAW"], permitted: ["CAP_CHOWN", "CAP_NET_RAW"], ambient: ["CAP_NET_RAW"]))
            try sets.dropBounding()
            try Syscall.keepCapabilities(true)
            try Syscall.setUser(4321)
            try sets.apply()
            let status = try Syscall.readText("/proc/thread-self/status")
            // CHOWN is bit 0, KILL 5, NET_RAW 13.
            for line in [
                "CapInh:\t0000000000002000", "CapPrm:\t0000000000002001", "CapEff:\t0000000000000001",
                "CapBnd:\t0000000000002021", "CapAmb:\t0000000000002000",
            ] {
                #expect(status.contains(line))
            }
        }
    }

    @Test func `no capability is left when none is given`() async {
        await #expect(processExitsWith: .success) {
            let sets = CapabilitySets()
            try sets.dropBounding()
            try sets.apply()
            let status = try Syscall.readText("/proc/thread-self/status")
            for name in ["Inh", "Prm", "Eff", "Bnd", "Amb"] {
                #expect(status.contains("Cap\(name):\t0000000000000000"))
            }
        }
    }

    @Test func `limits are in force`() async {
        await #expect(processExitsWith: .success) {
            try ResourceLimits([
                .init(type: "RLIMIT_NOFILE", hard: 512, soft: 256), .init(type: "RLIMIT_CORE", hard: 0, soft: 0),
            ]).apply()
            let limits = try Syscall.readText("/proc/self/limits")
            #expect(limits.contains("Max open files            256                  512"))
            #expect(limits.contains("Max core file size        0                    0"))
        }
    }

    @Test func `a filter makes calls fail`() async {
        await #expect(processExitsWith: .success) {
            let rules = [LinuxSyscall(names: ["mkdir", "mkdirat"], action: .errno, errnoRet: 39)]
            let filter = try SeccompFilter(.init(defaultAction: .allow, flags: [.log], syscalls: rules))
            try Syscall.forbidNewPrivileges()
            if let listener = try filter.load() { throw ConfinementError("a listener: \(listener.rawValue)") }
            #expect(throws: Errno.ENOTEMPTY) { try Syscall.makeDirectory("/tmp/skiff-never") }
        }
    }

    @Test func `a filter kills`() async {
        await #expect(processExitsWith: .signal(31)) {
            let rules = [LinuxSyscall(names: ["sethostname"], action: .killProcess)]
            try Syscall.forbidNewPrivileges()
            _ = try SeccompFilter(.init(defaultAction: .allow, syscalls: rules)).load()
            try Syscall.setHostName("never")
        }
    }

    @Test func `a filter with a listener yields its descriptor`() async {
        await #expect(processExitsWith: .success) {
            let rules = [LinuxSyscall(names: ["sethostname"], action: .notify)]
            try Syscall.forbidNewPrivileges()
            let listener = try SeccompFilter(
                .init(defaultAction: .allow, flags: [.waitKillableRecv], syscalls: rules)
            ).load()
            guard let descriptor = listener else { throw ConfinementError("no listener") }
            #expect(Syscall.isOpen(descriptor.rawValue))
        }
    }

    @Test func `the kernel knows flags`() {
        #expect(Set(SeccompFilter.supportedFlags).isSuperset(of: [.tsync, .log, .specAllow]))
    }
}
