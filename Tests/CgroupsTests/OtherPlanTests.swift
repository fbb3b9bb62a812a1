// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import OCIRuntimeSpec
import Testing

@testable import Cgroups

/// The controllers with few files.
@Suite struct OtherPlanTests {
    private func lines(_ plan: [CgroupWrite]) -> [String] { plan.map { "\($0.file)=\($0.value)" } }

    @Test func `cpuset lists are passed on`() throws {
        let resources = LinuxResources(cpu: .init(cpus: "0-1", mems: "0"))
        #expect(
            try lines(CpusetController.legacyPlan(resources, CgroupView())) == ["cpuset.cpus=0-1", "cpuset.mems=0"])
        #expect(try CpusetController.unifiedPlan(.init(cpu: .init(cpus: "")), CgroupView()).isEmpty)
    }

    @Test func `an empty cpuset inherits`() {
        let parent = CgroupView(["cpuset.cpus": "0-3", "cpuset.mems": "0"])
        let empty = CgroupView(["cpuset.cpus": "", "cpuset.mems": "0"])
        #expect(lines(CpusetController.inheritancePlan(empty, parent: parent)) == ["cpuset.cpus=0-3"])
    }

    @Test(arguments: [
        (5, true, ["pids.max=5"]), (0, true, ["pids.max=1"]), (-1, true, ["pids.max=max"]), (-1, false, []),
    ])
    func `tasks`(_ limit: Int64, _ present: Bool, _ expected: [String]) throws {
        let view = CgroupView(present ? ["pids.max": "max"] : [:])
        #expect(try lines(PidsController.unifiedPlan(.init(pids: .init(limit: limit)), view)) == expected)
    }

    private let io = LinuxResources(
        blockIO: .init(
            weight: 500, leafWeight: 20, weightDevice: [.init(major: 8, minor: 0, weight: 10, leafWeight: 30)],
            throttleReadBpsDevice: [.init(major: 8, minor: 0, rate: 1024)],
            throttleWriteBpsDevice: [.init(major: 8, minor: 16, rate: 0)],
            throttleReadIOPSDevice: [.init(major: 8, minor: 0, rate: 7)],
            throttleWriteIOPSDevice: [.init(major: 8, minor: 0, rate: 9)]))

    @Test func `block devices of v1`() throws {
        let throttles = [
            "blkio.throttle.read_bps_device=8:0 1024", "blkio.throttle.write_bps_device=8:16 0",
            "blkio.throttle.read_iops_device=8:0 7", "blkio.throttle.write_iops_device=8:0 9",
        ]
        #expect(
            try lines(BlockIOController.legacyPlan(io, CgroupView(["blkio.bfq.weight": "100"])))
                == [
                    "blkio.bfq.weight=500", "blkio.leaf_weight=20", "blkio.bfq.weight_device=8:0 10",
                    "blkio.leaf_weight_device=8:0 30",
                ] + throttles)
        #expect(try lines(BlockIOController.legacyPlan(io, CgroupView())).first == "blkio.weight=500")
    }

    @Test func `block devices of v2`() throws {
        let throttles = ["io.max=8:0 rbps=1024", "io.max=8:16 wbps=max", "io.max=8:0 riops=7", "io.max=8:0 wiops=9"]
        #expect(
            try lines(BlockIOController.unifiedPlan(io, CgroupView(["io.bfq.weight": "100"])))
                == ["io.bfq.weight=500", "io.bfq.weight=8:0 10"] + throttles)
        #expect(
            try lines(BlockIOController.unifiedPlan(io, CgroupView())) == ["io.weight=4950", "io.weight=8:0 1"]
                + throttles)
    }

    @Test func `huge pages`() throws {
        let resources = LinuxResources(
            hugepageLimits: [.init(pageSize: "2MB", limit: 0), .init(pageSize: "1GB", limit: 1 << 30)])
        #expect(
            try lines(
                HugetlbController.unifiedPlan(
                    resources, CgroupView(["hugetlb.2MB.max": "", "hugetlb.2MB.rsvd.max": ""])))
                == ["hugetlb.2MB.max=0", "hugetlb.2MB.rsvd.max=0", "hugetlb.1GB.max=1073741824"])
        // A size that is forbidden needs no controller.
        #expect(
            try lines(HugetlbController.legacyPlan(resources, CgroupView())) == [
                "hugetlb.1GB.limit_in_bytes=1073741824"
            ])
    }

    @Test(arguments: ["64kB", "2M", "MB", "02MB", "../x/2MB", "2 MB"])
    func `a malformed page size is refused`(_ size: String) {
        let resources = LinuxResources(hugepageLimits: [.init(pageSize: size, limit: 1)])
        #expect(throws: CgroupError.self) { try HugetlbController.unifiedPlan(resources, CgroupView()) }
    }

    @Test func `network and rdma`() throws {
        let resources = LinuxResources(
            network: .init(classID: 17, priorities: [.init(name: "eth0", priority: 3)]),
            rdma: ["mlx5_1": .init(hcaHandles: 3, hcaObjects: 10), "mlx4_0": .init(hcaObjects: 1), "none": .init()])
        #expect(try lines(NetworkClassController.legacyPlan(resources, CgroupView())) == ["net_cls.classid=17"])
        #expect(
            try lines(NetworkPriorityController.legacyPlan(resources, CgroupView())) == ["net_prio.ifpriomap=eth0 3"])
        #expect(
            try lines(RdmaController.unifiedPlan(resources, CgroupView()))
                == ["rdma.max=mlx4_0 hca_object=1", "rdma.max=mlx5_1 hca_handle=3 hca_object=10"])
    }

    @Test func `unified files are written line by line`() throws {
        let resources = LinuxResources(unified: ["memory.high": "1000", "io.max": "8:0 rbps=1\n8:1 rbps=2"])
        #expect(
            try lines(UnifiedResources.plan(resources)) == [
                "io.max=8:0 rbps=1", "io.max=8:1 rbps=2", "memory.high=1000",
            ])
    }

    @Test(arguments: ["../memory.max", "a/b", "", ".."])
    func `a unified file must be a file of the cgroup`(_ file: String) {
        #expect(throws: CgroupError.self) { try UnifiedResources.plan(.init(unified: [file: "1"])) }
    }

    @Test func `a missing controller is named`() {
        let write = CgroupWrite("memory", "memory.high", "1")
        #expect(
            UnifiedResources.missing(write, available: ["cpu", "pids"])?.message
                == "unified resource \"memory.high\" can't be set: controller \"memory\" not available")
        #expect(UnifiedResources.missing(write, available: ["memory"]) == nil)
    }
}
