// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import OCIRuntimeSpec
import TestSupport
import Testing

@testable import Cgroups

/// Limits as the kernel has them afterwards. Each test looks only at controllers that the host offers.
@Suite(.requiresRoot) struct LimitTests {
    @Test func `limits are in force and are counted`() throws {
        let cgroup = try TestCgroup()
        let driver = cgroup.driver
        if cgroup.controls("memory") {
            try driver.apply(.init(memory: .init(limit: 64 << 20, reservation: 32 << 20, swap: 64 << 20)))
            let memory = try #require(try driver.stats().memory)
            #expect(memory.limit == 64 << 20)
            #expect(try cgroup.text("memory", "memory.soft_limit_in_bytes", "memory.low") == "\(32 << 20)")
            try driver.apply(.init(memory: .init(limit: 128 << 20, swap: 256 << 20)))
            #expect(try driver.stats().memory?.limit == 128 << 20)
            try driver.apply(.init(memory: .init(limit: -1)))
            #expect(try driver.stats().memory?.limit == nil)
        }
        if cgroup.controls("pids") {
            try driver.apply(.init(pids: .init(limit: 17)))
            #expect(try driver.stats().pids == .init(current: 0, limit: 17))
            try driver.apply(.init(pids: .init(limit: -1)))
            #expect(try driver.stats().pids == .init(current: 0, limit: nil))
        }
        let member = try cgroup.run("i=0; while [ $i -lt 10000 ]; do i=$((i+1)); done; exec sleep 1000")
        try eventually("CPU time is used") { try (driver.stats().cpu?.usageNanoseconds ?? 0) > 1_000_000 }
        #expect(member.isRunning)
        if cgroup.controls("memory") {
            try eventually("memory is used") { try (driver.stats().memory?.usage ?? 0) > 0 }
        }
        if cgroup.controls("pids") { #expect(try driver.stats().pids?.current == 1) }
    }

    @Test func `CPU time is limited, also against the current values`() throws {
        let cgroup = try TestCgroup()
        guard cgroup.controls("cpu") else { return }
        try cgroup.driver.apply(.init(cpu: .init(shares: 512, quota: 50_000, period: 100_000)))
        #expect(try cgroup.text("cpu", "cpu.shares", "cpu.weight") == (cgroup.layout.mode == .v2 ? "59" : "512"))
        #expect(try cgroup.text("cpu", "cpu.cfs_quota_us", "cpu.max")?.hasPrefix("50000") == true)
        // Growing and shrinking in both orders: quota above period is right, a period of a second needs more quota.
        for (quota, period) in [(2_000_000, 1_000_000), (1000, 1000), (10_000, 10_000)] as [(Int64, UInt64)] {
            try cgroup.driver.apply(.init(cpu: .init(quota: quota, period: period)))
            #expect(try cgroup.text("cpu", "cpu.cfs_quota_us", "cpu.max")?.hasPrefix("\(quota)") == true)
        }
        try cgroup.driver.apply(.init(cpu: .init(quota: 10_000, burst: 5000)))
        #expect(try cgroup.text("cpu", "cpu.cfs_burst_us", "cpu.max.burst") == "5000")
        try cgroup.driver.apply(.init(cpu: .init(quota: 1000, burst: 500)))
        #expect(try cgroup.text("cpu", "cpu.cfs_burst_us", "cpu.max.burst") == "500")
        try cgroup.driver.apply(.init(cpu: .init(quota: -1)))
        #expect(try cgroup.text("cpu", "cpu.cfs_quota_us", "cpu.max")?.hasPrefix("10") == false)
    }

    @Test func `a cpuset is inherited by every level and can be narrowed`() throws {
        let cgroup = try TestCgroup()
        guard cgroup.controls("cpuset") else { return }
        let inner = try cgroup.driver.location.child("a/b").driver()
        try inner.create()
        let member = try Member("exec sleep 1000", in: inner)
        #expect(member.isRunning)
        try inner.apply(.init(cpu: .init(cpus: "0", mems: "0")))
        let status = try Syscall.readText("/proc/\(member.pid)/status")
        #expect(status.contains("Cpus_allowed_list:\t0\n"))
    }

    @Test func `too many tasks are refused by the kernel`() throws {
        let cgroup = try TestCgroup()
        guard cgroup.controls("pids") else { return }
        try cgroup.driver.apply(.init(pids: .init(limit: 1)))
        #expect(try cgroup.run("sleep 0 || exit 1; sleep 0 & wait; exit 7").wait() != .exited(7))
    }

    @Test func `a process that takes too much memory is killed and counted`() throws {
        let cgroup = try TestCgroup()
        guard cgroup.controls("memory") else { return }
        let limit: Int64 = 16 << 20
        try cgroup.driver.apply(.init(memory: .init(limit: limit, swap: limit)))
        // One line without an end.
        #expect(try cgroup.run("exec tail -n 1 /dev/zero").wait() == .signaled(9))
        try eventually("the kill is counted") { try (cgroup.driver.stats().memory?.oomKills ?? 0) >= 1 }
        let file = try #require(cgroup.driver.oomEventsFile)
        #expect(try Syscall.readText(file).contains("oom_kill 1\n"))
    }

    @Test func `a limit without its controller is an error, a wish for nothing is none`() throws {
        let cgroup = try TestCgroup()
        if !cgroup.controls("net_cls") {
            let error = CgroupError(
                .missingController,
                "cannot set net_cls limit: container could not join or create cgroup: no hierarchy has this controller")
            #expect(throws: error) { try cgroup.driver.apply(.init(network: .init(classID: 5))) }
        }
        if !cgroup.controls("hugetlb") {
            #expect(throws: CgroupError.self) {
                try cgroup.driver.apply(.init(hugepageLimits: [.init(pageSize: "2MB", limit: 1 << 21)]))
            }
        }
        try cgroup.driver.apply(.init(hugepageLimits: [.init(pageSize: "2MB", limit: 0)]))
    }

    @Test func `files of v2 are written as the configuration names them`() throws {
        let cgroup = try TestCgroup()
        guard cgroup.layout.mode == .v2 else {
            #expect(throws: CgroupError.self) { try cgroup.driver.apply(.init(unified: ["pids.max": "5"])) }
            return
        }
        try cgroup.driver.apply(.init(unified: ["pids.max": "5", "cgroup.max.depth": "3"]))
        #expect(try cgroup.driver.stats().pids?.limit == 5)
        let error = CgroupError(
            .missingController, "unified resource \"bogus.max\" can't be set: controller \"bogus\" not available")
        #expect(throws: error) { try cgroup.driver.apply(.init(unified: ["bogus.max": "5"])) }
    }
}
