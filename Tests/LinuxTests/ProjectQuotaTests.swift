// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import TestSupport
import Testing

@testable import Linux

struct ProjectQuotaTests {
    /// The guest of hack/vm-engine has a disk with quotas.
    @Test func aFileSystemWithoutQuotasHasNone() throws {
        #expect(try !ProjectQuota.isEnforced(at: "/proc"))
        #expect(throws: Errno.ENOENT) { try ProjectQuota.isEnforced(at: "/no/such/folder") }
    }

    @Test func theCapabilityIsGivenUpForAWhile() throws {
        let before = try Syscall.capabilities()
        let during = try ProjectQuota.obeying { () throws(Errno) in try Syscall.capabilities() }
        #expect(during.effective == before.effective & ~(1 << 24))
        #expect(during.permitted == before.permitted && during.inheritable == before.inheritable)
        #expect(throws: Errno.EPERM) { try ProjectQuota.obeying { () throws(Errno) -> Void in throw .EPERM } }
        #expect(try Syscall.capabilities().effective == before.effective)
    }
}
