// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import OCIRuntimeSpec
import Testing

@testable import ContainerRuntime

@Suite("SeccompPlan")
struct SeccompPlanTests {
    private static let notify = LinuxSyscall(names: ["mkdir"], action: .notify)

    private static func profile(_ change: (inout LinuxSeccomp) -> Void) -> LinuxSeccomp {
        var profile = LinuxSeccomp(defaultAction: .allow)
        change(&profile)
        return profile
    }

    static let refusals: [(String, LinuxSeccomp)] = [
        ("SCMP_ACT_NOTIFY cannot be used as default action", profile { $0.defaultAction = .notify }),
        ("seccomp listenerPath is not set", profile { $0.syscalls = [notify] }),
        (
            "SCMP_ACT_NOTIFY cannot be used for the write syscall",
            profile {
                $0.syscalls = [LinuxSyscall(names: ["read", "write"], action: .notify)]
                $0.listenerPath = "/s"
            }
        ),
        ("seccomp listenerPath \"s\" must be an absolute path", profile { $0.listenerPath = "s" }),
        ("seccomp listenerMetadata is set, but listenerPath is not", profile { $0.listenerMetadata = "m" }),
        (
            "seccomp: errno is not supported for action SCMP_ACT_KILL",
            profile { $0.syscalls = [LinuxSyscall(names: ["mkdir"], action: .kill, errnoRet: 1)] }
        ),
        (
            "seccomp errno 4096 is out of range 0-4095",
            profile {
                $0.defaultAction = .errno
                $0.defaultErrnoRet = 4096
            }
        ),
    ]

    @Test(arguments: refusals)
    func whatCannotWorkIsRefused(_ message: String, _ profile: LinuxSeccomp) {
        #expect(throws: PlanError(message)) { try SeccompPlan(profile, RuntimeAnnotations()) }
    }

    @Test func listenerIsThereForRulesThatNotify() throws {
        let profile = Self.profile {
            $0.listenerPath = "/s"
            $0.listenerMetadata = "m"
        }
        #expect(try SeccompPlan(profile, RuntimeAnnotations())?.listener == nil)
        var notifying = profile
        notifying.syscalls = [Self.notify]
        #expect(try SeccompPlan(notifying, RuntimeAnnotations())?.listener == .init(path: "/s", metadata: "m"))
        #expect(try SeccompPlan(nil, RuntimeAnnotations()) == nil)
    }

    @Test func annotationsOfOthersAreLeftAlone() throws {
        #expect(try RuntimeAnnotations(["org.example": "x"]) == RuntimeAnnotations())
        #expect(try RuntimeAnnotations(["run.oci.keep_original_groups": "1"]).keepsGroups)
        #expect(throws: PlanError("annotation run.oci.keep_original_groups: \"yes\" is neither 0 nor 1")) {
            try RuntimeAnnotations(["run.oci.keep_original_groups": "yes"])
        }
    }

    @Test(
        arguments: [
            ("", []), ("AA==", [0]), ("AAE=", [0, 1]), ("AAEC", [0, 1, 2]), ("/+8Q", [255, 239, 16]), ("AA", nil),
            ("A===", nil), ("A!==", nil), ("AA=A", nil),
        ] as [(String, [UInt8]?)])
    func base64(_ text: String, _ bytes: [UInt8]?) {
        #expect(Base64.decode(text) == bytes)
    }
}
