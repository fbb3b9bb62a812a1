// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import OCIRuntimeSpec
import Testing

@testable import Confinement

@Suite struct ResourceLimitTests {
    @Test(arguments: [
        ([POSIXRlimit(type: "RLIMIT_FOO", hard: 1, soft: 1)], "invalid rlimit type: \"RLIMIT_FOO\""),
        ([POSIXRlimit(type: "NOFILE", hard: 1, soft: 1)], "invalid rlimit type: \"NOFILE\""),
        (
            [
                POSIXRlimit(type: "RLIMIT_CPU", hard: 1, soft: 1), POSIXRlimit(type: "RLIMIT_AS", hard: 1, soft: 1),
                POSIXRlimit(type: "RLIMIT_CPU", hard: 2, soft: 2),
            ], "rlimit \"RLIMIT_CPU\" is given twice"
        ),
        (
            [POSIXRlimit(type: "RLIMIT_CPU", hard: 1, soft: 2)],
            "rlimit \"RLIMIT_CPU\": soft limit is above the hard limit"
        ),
    ])
    func `wrong limits are refused`(_ limits: [POSIXRlimit], _ message: String) {
        #expect(throws: ConfinementError(message)) { try ResourceLimits(limits) }
    }

    @Test func `all names are known`() throws {
        let names = [
            "AS", "CORE", "CPU", "DATA", "FSIZE", "LOCKS", "MEMLOCK", "MSGQUEUE", "NICE", "NOFILE", "NPROC", "RSS",
            "RTPRIO", "RTTIME", "SIGPENDING", "STACK",
        ]
        _ = try ResourceLimits(names.map { POSIXRlimit(type: "RLIMIT_\($0)", hard: .max, soft: 0) })
    }
}
