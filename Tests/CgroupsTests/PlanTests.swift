// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import OCIRuntimeSpec
import Testing

@testable import Cgroups

/// What files get which text. Each row: resources, the files that exist, the writes expected.
@Suite struct PlanTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var resources: LinuxResources
        var files: [String: String]
        var expected: [String]

        init(_ name: String, _ resources: LinuxResources, files: [String: String] = [:], _ expected: [String]) {
            testDescription = name
            self.resources = resources
            self.files = files
            self.expected = expected
        }
    }

    private static func lines(_ plan: [CgroupWrite]) -> [String] {
        plan.map { "\($0.file)=\($0.value)\($0.retried ? " (retried)" : "")" }
    }

    private static let memoryV1 = [
        "memory.limit_in_bytes": "9223372036854771712", "memory.memsw.limit_in_bytes": "9223372036854771712",
        "memory.soft_limit_in_bytes": "9223372036854771712",
    ]

    static let legacyMemory: [Row] = [
        Row("nothing given", LinuxResources(), files: memoryV1, []),
        Row("0 is not given", LinuxResources(memory: .init(limit: 0, reservation: 0, swap: 0)), files: memoryV1, []),
        Row(
            "memory first when the limit shrinks", LinuxResources(memory: .init(limit: 1000, swap: 2000)),
            files: memoryV1, ["memory.limit_in_bytes=1000", "memory.memsw.limit_in_bytes=2000"]),
        Row(
            "swap first when the limit grows", LinuxResources(memory: .init(limit: 3000, swap: 4000)),
            files: ["memory.limit_in_bytes": "1000", "memory.memsw.limit_in_bytes": "2000"],
            ["memory.memsw.limit_in_bytes=4000", "memory.limit_in_bytes=3000"]),
        Row(
            "unlimited memory frees swap first", LinuxResources(memory: .init(limit: -1)), files: memoryV1,
            ["memory.memsw.limit_in_bytes=-1", "memory.limit_in_bytes=-1"]),
        Row(
            "no swap accounting, no swap wanted", LinuxResources(memory: .init(limit: 1000, swap: 1000)),
            files: ["memory.limit_in_bytes": "5"], ["memory.limit_in_bytes=1000"]),
        Row(
            "no swap accounting, swap wanted", LinuxResources(memory: .init(limit: 1000, swap: 1500)),
            files: ["memory.limit_in_bytes": "5000"],
            ["memory.limit_in_bytes=1000", "memory.memsw.limit_in_bytes=1500"]),
        Row(
            "the rest",
            LinuxResources(memory: .init(reservation: 7, kernel: 8, swappiness: 0, disableOOMKiller: true)),
            files: memoryV1, ["memory.soft_limit_in_bytes=7", "memory.oom_control=1", "memory.swappiness=0"]),
        Row("absent controller, unlimited", LinuxResources(memory: .init(limit: -1, reservation: -1, swap: -1)), []),
        Row("absent controller, limited", LinuxResources(memory: .init(limit: 5)), ["memory.limit_in_bytes=5"]),
    ]

    @Test(arguments: legacyMemory)
    func `memory of v1`(_ row: Row) throws {
        #expect(Self.lines(try MemoryController.legacyPlan(row.resources, CgroupView(row.files))) == row.expected)
    }

    private static let memoryV2 = ["memory.max": "max", "memory.low": "0", "memory.swap.max": "max"]

    static let unifiedMemory: [Row] = [
        Row(
            "swap is counted alone", LinuxResources(memory: .init(limit: 1000, reservation: 500, swap: 1500)),
            files: memoryV2, ["memory.swap.max=500", "memory.max=1000", "memory.low=500"]),
        Row(
            "equal means no swap", LinuxResources(memory: .init(limit: 1000, swap: 1000)), files: memoryV2,
            ["memory.swap.max=0", "memory.max=1000"]),
        Row(
            "a kernel without swap", LinuxResources(memory: .init(limit: 1000, swap: 1000)),
            files: ["memory.max": "max"], ["memory.max=1000"]),
        Row(
            "unlimited", LinuxResources(memory: .init(limit: -1)), files: memoryV2,
            ["memory.swap.max=max", "memory.max=max"]),
        Row("asks for nothing", LinuxResources(memory: .init(kernel: 8, disableOOMKiller: false)), files: memoryV2, []),
    ]

    @Test(arguments: unifiedMemory)
    func `memory of v2`(_ row: Row) throws {
        #expect(Self.lines(try MemoryController.unifiedPlan(row.resources, CgroupView(row.files))) == row.expected)
    }

    @Test(arguments: [LinuxMemory(swap: 5), LinuxMemory(limit: -1, swap: 5), LinuxMemory(limit: 10, swap: 5)])
    func `swap that makes no sense is refused on v2`(_ memory: LinuxMemory) {
        #expect(throws: CgroupError.self) { try MemoryController.unifiedPlan(.init(memory: memory), CgroupView()) }
    }

    @Test func `a limit below the use is refused when asked to`() {
        let resources = LinuxResources(memory: .init(limit: 100, checkBeforeUpdate: true))
        #expect(throws: CgroupError(.invalid, "rejecting memory limit 100 <= usage 200")) {
            try MemoryController.unifiedPlan(resources, CgroupView(["memory.current": "200"]))
        }
        #expect(throws: CgroupError.self) {
            try MemoryController.legacyPlan(resources, CgroupView(["memory.usage_in_bytes": "100"]))
        }
    }

    @Test func `swappiness beyond 100 is refused`() {
        #expect(throws: CgroupError.self) {
            try MemoryController.legacyPlan(.init(memory: .init(swappiness: 101)), CgroupView())
        }
    }

    static let legacyOnly = [
        LinuxResources(memory: .init(swappiness: 60)), LinuxResources(memory: .init(disableOOMKiller: true)),
        LinuxResources(cpu: .init(realtimeRuntime: 1)), LinuxResources(cpu: .init(realtimePeriod: 1)),
        LinuxResources(blockIO: .init(leafWeight: 10)),
        LinuxResources(blockIO: .init(weightDevice: [.init(major: 8, minor: 0, leafWeight: 10)])),
        LinuxResources(network: .init(classID: 1)),
    ]

    @Test(arguments: legacyOnly)
    func `what v2 does not have is refused, or left for the driver to refuse`(_ resources: LinuxResources) throws {
        var refused = (try? UnenforceableLimits.refuse(resources, unified: true)) == nil
        for controller in CgroupControllers.unified {
            do throws(CgroupError) {
                refused = try !controller.unifiedPlan(resources, CgroupView()).isEmpty || refused
            } catch {
                refused = true
            }
        }
        #expect(refused)
    }

    static let legacyCPU: [Row] = [
        Row(
            "all",
            LinuxResources(
                cpu: .init(
                    shares: 512, quota: 5000, burst: 10, period: 10_000, realtimeRuntime: 1, realtimePeriod: 2, idle: 1)
            ),
            [
                "cpu.shares=512", "cpu.cfs_period_us=10000 (retried)", "cpu.cfs_burst_us=10 (retried)",
                "cpu.cfs_quota_us=5000 (retried)", "cpu.idle=1", "cpu.rt_period_us=2 (retried)", "cpu.rt_runtime_us=1",
            ]),
        Row("only a period", LinuxResources(cpu: .init(period: 10_000)), ["cpu.cfs_period_us=10000"]),
        Row("asks for nothing", LinuxResources(cpu: .init(shares: 0, quota: -1, burst: 0, period: 0, idle: 0)), []),
        Row(
            "unlimited quota", LinuxResources(cpu: .init(quota: -1)), files: ["cpu.cfs_quota_us": "5"],
            ["cpu.cfs_quota_us=-1 (retried)"]),
    ]

    @Test(arguments: legacyCPU)
    func `cpu of v1`(_ row: Row) throws {
        #expect(Self.lines(try CPUController.legacyPlan(row.resources, CgroupView(row.files))) == row.expected)
    }

    @Test(arguments: [1, 262_145] as [UInt64])
    func `shares that the kernel would change are refused on v1`(_ shares: UInt64) {
        #expect(throws: CgroupError.self) {
            try CPUController.legacyPlan(.init(cpu: .init(shares: shares)), CgroupView())
        }
    }

    static let unifiedCPU: [Row] = [
        Row(
            "quota and period", LinuxResources(cpu: .init(shares: 1024, quota: 5000, burst: 7, period: 10_000)),
            ["cpu.weight=100", "cpu.max.burst=7 (retried)", "cpu.max=5000 10000"]),
        Row("only a quota keeps the period", LinuxResources(cpu: .init(quota: 5000)), ["cpu.max=5000"]),
        Row(
            "only a period keeps the quota", LinuxResources(cpu: .init(period: 10_000)),
            files: ["cpu.max": "7000 100000"], ["cpu.max=7000 10000"]),
        Row(
            "unlimited", LinuxResources(cpu: .init(quota: -1, period: 50_000)), files: ["cpu.max": "1 2"],
            ["cpu.max=max 50000"]),
        Row("an idle group has no weight", LinuxResources(cpu: .init(shares: 512, idle: 1)), ["cpu.idle=1"]),
    ]

    @Test(arguments: unifiedCPU)
    func `cpu of v2`(_ row: Row) throws {
        #expect(Self.lines(try CPUController.unifiedPlan(row.resources, CgroupView(row.files))) == row.expected)
    }

    @Test(arguments: [(0, 1), (2, 1), (3, 2), (1024, 100), (2048, 174), (262_143, 10_000), (300_000, 10_000)])
    func `shares become weight`(_ shares: UInt64, _ weight: UInt64) {
        #expect(CPUController.weight(shares: shares) == weight)
    }
}
