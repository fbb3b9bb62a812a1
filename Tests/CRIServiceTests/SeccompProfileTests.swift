// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import OCIRuntimeSpec
import Testing

@testable import CRIService

struct SeccompProfileTests {
    private func parse(_ text: String) throws(ServiceError) -> SeccompProfile {
        try SeccompProfile(parsing: Array(text.utf8), file: "/p.json")
    }

    @Test func readsTheSharedFormat() throws {
        let profile = try parse(
            """
            {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "comment": "passed over",
             "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]},
                         {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]}],
             "flags": ["SECCOMP_FILTER_FLAG_LOG"],
             "syscalls": [
               {"names": ["read", "write"], "action": "SCMP_ACT_ALLOW", "args": [], "includes": {}, "excludes": {}},
               {"name": "clone", "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
                "args": [{"index": 0, "value": 7, "valueTwo": 1, "op": "SCMP_CMP_MASKED_EQ"}]}]}
            """)
        #expect(
            profile.resolve(capabilities: [], architecture: "amd64")
                == LinuxSeccomp(
                    defaultAction: .errno, defaultErrnoRet: 38, architectures: [.x86_64, .x86], flags: [.log],
                    syscalls: [
                        LinuxSyscall(names: ["read", "write"], action: .allow),
                        LinuxSyscall(
                            names: ["clone"], action: .errno, errnoRet: 1,
                            args: [LinuxSeccompArg(index: 0, value: 7, valueTwo: 1, op: .maskedEqual)]),
                    ]))
        #expect(profile.resolve(capabilities: [], architecture: "arm64").architectures == [.aarch64, .arm])
        #expect(profile.resolve(capabilities: [], architecture: "riscv64").architectures == [.riscv64])
    }

    @Test func readsThePlainFormOfTheRuntime() throws {
        let profile = try parse(
            """
            {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
             "syscalls": [{"names": ["chmod"], "action": "SCMP_ACT_ERRNO"}]}
            """)
        #expect(
            profile.resolve(capabilities: [], architecture: "arm64")
                == LinuxSeccomp(
                    defaultAction: .allow, architectures: [.x86_64],
                    syscalls: [LinuxSyscall(names: ["chmod"], action: .errno)]))
    }

    @Test(arguments: [
        ("", "not valid JSON"), ("{", "not valid JSON"), ("{}", "\"defaultAction\" is missing"),
        (#"{"defaultAction": "SCMP_ACT_MAYBE"}"#, "bad value of \"defaultAction\""),
        (#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": 1}"#, "bad value of \"syscalls\""),
    ])
    func refuses(text: String, cause: String) {
        #expect(throws: ServiceError(.invalid, "read seccomp profile", "/p.json", cause)) { try parse(text) }
    }

    struct Row: Sendable {
        var includes: SeccompProfile.Condition?
        var excludes: SeccompProfile.Condition?
        var capabilities: Set<String> = []
        var isIn: Bool
    }

    @Test(arguments: [
        Row(isIn: true), Row(includes: .init(caps: ["A"]), isIn: false),
        Row(includes: .init(caps: ["A"]), capabilities: ["A", "B"], isIn: true),
        Row(includes: .init(caps: ["A", "B"]), capabilities: ["A"], isIn: false),
        Row(includes: .init(caps: ["A", "B"]), capabilities: ["A", "B"], isIn: true),
        Row(includes: .init(arches: ["arm64"]), isIn: false),
        Row(includes: .init(arches: ["arm64", "amd64"]), isIn: true),
        Row(includes: .init(caps: ["A"], arches: ["amd64"]), isIn: false),
        Row(includes: .init(caps: [], arches: []), isIn: true), Row(excludes: .init(caps: ["A"]), isIn: true),
        Row(excludes: .init(caps: ["A", "B"]), capabilities: ["B"], isIn: false),
        Row(excludes: .init(arches: ["amd64"]), isIn: false), Row(excludes: .init(arches: ["arm64"]), isIn: true),
        Row(includes: .init(caps: ["A"]), excludes: .init(caps: ["B"]), capabilities: ["A", "B"], isIn: false),
    ])
    func rulesHaveConditions(_ row: Row) {
        let profile = SeccompProfile(
            defaultAction: .errno,
            syscalls: [.init(names: ["x"], action: .allow, includes: row.includes, excludes: row.excludes)])
        let calls = profile.resolve(capabilities: row.capabilities, architecture: "amd64").syscalls ?? []
        #expect(calls.map(\.names) == (row.isIn ? [["x"]] : []))
    }

    /// What the standard profile does to a call that no argument can save, as the first rule that names it has it.
    private func action(_ call: String, _ capabilities: Set<String>) throws -> (LinuxSeccompAction, UInt32?) {
        let filter = SeccompProfile.standard.resolve(capabilities: capabilities, architecture: "amd64")
        let rules = (filter.syscalls ?? []).filter { $0.names.contains(call) && $0.args == nil }
        try #require(Set(rules.map(\.action)).count <= 1, "\(call): \(rules)")
        return rules.first.map { ($0.action, $0.errnoRet) } ?? (filter.defaultAction, filter.defaultErrnoRet)
    }

    @Test(
        arguments: [
            ("read", "", .allow, nil), ("clone3", "", .allow, nil), ("kexec_load", "", .errno, 1),
            ("init_module", "", .errno, 1), ("init_module", "CAP_SYS_MODULE", .allow, nil), ("bpf", "", .errno, 1),
            ("bpf", "CAP_BPF", .allow, nil), ("bpf", "CAP_SYS_ADMIN", .allow, nil),
            ("perf_event_open", "CAP_PERFMON", .allow, nil), ("open_by_handle_at", "", .errno, 1),
            ("open_by_handle_at", "CAP_DAC_READ_SEARCH", .allow, nil), ("chroot", "CAP_SYS_CHROOT", .allow, nil),
            ("settimeofday", "", .errno, 1), ("add_key", "", .errno, 38), ("io_uring_setup", "", .errno, 38),
            ("a_call_of_tomorrow", "", .errno, 38), ("arch_prctl", "", .allow, nil), ("userfaultfd", "", .errno, 1),
        ] as [(String, String, LinuxSeccompAction, UInt32?)])
    func theStandardProfile(call: String, capability: String, action: LinuxSeccompAction, errno: UInt32?) throws {
        let found = try self.action(call, capability.isEmpty ? [] : [capability])
        #expect(found == (action, errno))
    }

    @Test(arguments: [[], ["CAP_SYS_ADMIN"], Capabilities.known]) func theStandardProfileNeverContradictsItself(
        capabilities: [String]
    ) throws {
        let filter = SeccompProfile.standard.resolve(capabilities: Set(capabilities), architecture: "amd64")
        // setns is named twice; the namespaces that it joins ask for the capability themselves.
        for call in Set((filter.syscalls ?? []).flatMap(\.names)).subtracting(["setns"]) {
            _ = try action(call, Set(capabilities))
        }
    }
}
