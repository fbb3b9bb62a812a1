// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CRIAPI
import OCIRuntimeSpec
import Testing

@testable import CRIService

struct SpecResourcesTests {
    private func resources(_ change: (inout SpecRequest) -> Void) throws -> LinuxResources {
        try #require(try SpecRequest(change).build().linux?.resources)
    }

    @Test func zeroMeansNotSet() throws {
        let request = SpecRequest { $0.container.linux.resources = CRI.Resources() }
        let linux = try #require(try request.build().linux)
        #expect(linux.cgroupsPath == "/skiff/pod/container")
        #expect(linux.resources == LinuxResources(devices: [LinuxDeviceCgroup(allow: false, access: "rwm")]))
        #expect(linux.devices == nil)
    }

    @Test func passesCPUOn() throws {
        let found = try resources {
            $0.container.linux.resources.cpuShares = 512
            $0.container.linux.resources.cpuQuota = 50000
            $0.container.linux.resources.cpuPeriod = 100_000
            $0.container.linux.resources.cpusetCpus = "0-1"
            $0.container.linux.resources.cpusetMems = "0"
        }
        #expect(found.cpu == LinuxCPU(shares: 512, quota: 50000, period: 100_000, cpus: "0-1", mems: "0"))
    }

    @Test func aNegativeQuotaMeansNoLimit() throws {
        #expect(try resources { $0.container.linux.resources.cpuQuota = -1 }.cpu == LinuxCPU(quota: -1))
    }

    struct Memory: Sendable {
        var limit: Int64
        var swap: Int64 = 0
        var limitsSwap = true
        var result: LinuxMemory?
    }

    @Test(arguments: [
        Memory(limit: 0, result: nil), Memory(limit: 1 << 20, result: LinuxMemory(limit: 1 << 20, swap: 1 << 20)),
        Memory(limit: 1 << 20, limitsSwap: false, result: LinuxMemory(limit: 1 << 20)),
        Memory(limit: 1 << 20, swap: 2 << 20, result: LinuxMemory(limit: 1 << 20, swap: 2 << 20)),
        Memory(limit: 1 << 20, swap: 1 << 20, result: LinuxMemory(limit: 1 << 20, swap: 1 << 20)),
        Memory(limit: 1 << 20, swap: -1, result: LinuxMemory(limit: 1 << 20, swap: -1)),
    ])
    func limitsMemory(_ row: Memory) throws {
        let found = try resources {
            $0.host.limitsSwap = row.limitsSwap
            $0.container.linux.resources.memoryLimitInBytes = row.limit
            $0.container.linux.resources.memorySwapLimitInBytes = row.swap
        }
        #expect(found.memory == row.result)
    }

    @Test func passesOverHugePagesThatTheHostLacks() throws {
        let limits = ["2MB", "1GB"].map { size in
            var limit = Runtime_V1_HugepageLimit()
            limit.pageSize = size
            limit.limit = 4
            return limit
        }
        let found = try resources { $0.container.linux.resources.hugepageLimits = limits }
        #expect(found.hugepageLimits == [LinuxHugepageLimit(pageSize: "2MB", limit: 4)])
        let none = try resources {
            $0.host.hugepageSizes = []
            $0.container.linux.resources.hugepageLimits = limits
        }
        #expect(none.hugepageLimits == nil)
    }

    @Test func passesUnifiedKeysOn() throws {
        let found = try resources { $0.container.linux.resources.unified = ["memory.high": "max"] }
        #expect(found.unified == ["memory.high": "max"])
    }

    @Test(arguments: [(0, nil), (100, LinuxPids(limit: 100))])
    func limitsProcesses(limit: Int, result: LinuxPids?) throws {
        #expect(try resources { $0.defaults.pidsLimit = limit }.pids == result)
    }

    static let refusals: [(@Sendable (inout CRI.Resources) -> Void, String)] = [
        ({ $0.cpuShares = -2 }, "set cpu_shares \"-2\": it is negative"),
        ({ $0.cpuPeriod = -1 }, "set cpu_period \"-1\": it is negative"),
        ({ $0.memoryLimitInBytes = -1 }, "set memory limit \"-1\": it is negative"),
        ({ $0.memoryLimitInBytes = 4096 }, "set memory limit \"4096\": the least is 524288 bytes"),
        (
            {
                $0.memoryLimitInBytes = 2 << 20
                $0.memorySwapLimitInBytes = 1 << 20
            }, "set swap limit \"1048576\": it is below the memory limit, 2097152"
        ), ({ $0.oomScoreAdj = 1001 }, "set oom_score_adj \"1001\": want -1000 to 1000"),
        ({ $0.oomScoreAdj = -1001 }, "set oom_score_adj \"-1001\": want -1000 to 1000"),
    ]

    @Test(arguments: refusals.indices)
    func refuses(row: Int) {
        let request = SpecRequest { Self.refusals[row].0(&$0.container.linux.resources) }
        let error = #expect(throws: ServiceError.self) { try request.build() }
        #expect(error?.code == .invalid && error?.description == Self.refusals[row].1)
    }

    @Test(arguments: [
        (-1000, -1000, -1000), (-998, -1000, -998), (-1000, -300, -300), (-299, -300, -299), (0, -300, 0),
        (0, 100, 100), (1000, 0, 1000),
    ])
    func clampsTheOOMScore(wanted: Int64, lowest: Int, result: Int) throws {
        let request = SpecRequest {
            $0.host.lowestOOMScore = lowest
            $0.container.linux.resources.oomScoreAdj = wanted
        }
        #expect(try request.build().process?.oomScoreAdj == result)
    }

    /// Else it would be that of the monitor, which is protected.
    @Test func withoutResourcesTheOOMScoreIsZero() throws {
        #expect(try SpecRequest().build().process?.oomScoreAdj == 0)
    }

    @Test func allowsOnlyTheDevicesOfTheRequest() throws {
        let node = LinuxDevice(type: "c", path: "/dev/kvm", major: 10, minor: 232, fileMode: 0o660, uid: 0, gid: 105)
        let request = SpecRequest { $0.devices = [PreparedDevice(node: node, access: "rw")] }
        let linux = try #require(try request.build().linux)
        #expect(linux.devices == [node])
        #expect(
            linux.resources?.devices == [
                LinuxDeviceCgroup(allow: false, access: "rwm"),
                LinuxDeviceCgroup(allow: true, type: "c", major: 10, minor: 232, access: "rw"),
            ])
    }

    @Test func theHandlerSaysHowMuchMemoryIsTheLeast() throws {
        func build(least: Int64) throws -> Spec {
            try SpecRequest {
                $0.container.linux.resources.memoryLimitInBytes = 1 << 20
                $0.defaults.minimumMemory = least
            }.build()
        }
        #expect(try build(least: 1 << 20).linux?.resources?.memory?.limit == 1 << 20)
        let error = #expect(throws: ServiceError.self) { try build(least: 12 << 20) }
        #expect(error?.cause == "the least is 12582912 bytes")
    }
}
