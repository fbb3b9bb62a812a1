// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import OCIRuntimeSpec
import TestSupport
import Testing

@testable import Cgroups

/// Device rules as processes feel them.
@Suite(.requiresRoot) struct DeviceLimitTests {
    private let deny = LinuxDeviceCgroup(allow: false, access: "rwm")
    private let null = LinuxDeviceCgroup(allow: true, type: "c", major: 1, minor: 3, access: "rw")
    private let zero = LinuxDeviceCgroup(allow: true, type: "c", major: 1, minor: 5, access: "r")

    /// Whether a script that uses a device succeeds in the cgroup.
    private func canUse(_ what: String, in cgroup: TestCgroup) throws -> Bool {
        try cgroup.run(what).wait().isSuccess
    }

    @Test(arguments: Arrangement.available)
    func `only what is allowed can be opened`(_ arrangement: Arrangement) throws {
        let cgroup = try TestCgroup(arrangement)
        #expect(try canUse("echo > /dev/null", in: cgroup))
        try cgroup.driver.apply(.init(devices: [deny]))
        #expect(try !canUse("echo > /dev/null", in: cgroup))
        try cgroup.driver.apply(.init(devices: [deny, null]))
        #expect(try canUse("echo > /dev/null", in: cgroup))
        #expect(try !canUse("head -c 1 < /dev/zero", in: cgroup))
        try cgroup.driver.apply(.init(devices: [deny, zero]))
        #expect(try canUse("head -c 1 < /dev/zero", in: cgroup))
        #expect(try !canUse("echo > /dev/zero", in: cgroup))
        #expect(try !canUse("echo > /dev/null", in: cgroup))
        try cgroup.driver.apply(.init(devices: [.init(allow: true)]))
        #expect(try canUse("echo > /dev/zero", in: cgroup))
    }

    @Test(arguments: Arrangement.available)
    func `the standard rules allow nodes to be made but not used`(_ arrangement: Arrangement) throws {
        let cgroup = try TestCgroup(arrangement)
        let folder = try TemporaryDirectory()
        try cgroup.driver.apply(.init(devices: [deny] + DeviceRule.standard))
        #expect(try canUse("echo > /dev/null && mknod \(folder.path)/kmsg c 1 11", in: cgroup))
        #expect(try !canUse("head -c 1 < \(folder.path)/kmsg", in: cgroup))
    }

    @Test(arguments: Arrangement.available.filter { $0 != .legacyOnly })
    func `an update leaves one program`(_ arrangement: Arrangement) throws {
        let cgroup = try TestCgroup(arrangement)
        guard cgroup.layout.mode == .v2 else { return }
        for _ in 0..<3 { try cgroup.driver.apply(.init(devices: [deny, null])) }
        let directory = try Syscall.open(cgroup.driver.members.path, [.directory])
        #expect(try Syscall.devicePrograms(cgroup: directory.rawValue).count == 1)
    }
}
