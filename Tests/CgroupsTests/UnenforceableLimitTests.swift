// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import OCIRuntimeSpec
import Testing

@testable import Cgroups

@Suite("Limits that nobody enforces") struct UnenforceableLimitTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var property: String
        var resources: LinuxResources
        var testDescription: String { property }
    }

    static let everywhere: [Row] = [
        Row(property: "memory.kernel", resources: .init(memory: .init(kernel: 1))),
        Row(property: "memory.kernelTCP", resources: .init(memory: .init(kernelTCP: 1))),
        Row(property: "memory.useHierarchy", resources: .init(memory: .init(useHierarchy: false))),
        Row(property: "rdma", resources: .init(rdma: ["mlx0": .init()])),
        Row(property: "blockIO.weight", resources: .init(blockIO: .init(weight: 9))),
        Row(
            property: "blockIO.weight",
            resources: .init(blockIO: .init(weightDevice: [.init(major: 8, minor: 0, weight: 1001)]))),
    ]
    static let onUnified: [Row] = [
        Row(property: "memory.swappiness", resources: .init(memory: .init(swappiness: 0))),
        Row(property: "memory.disableOOMKiller", resources: .init(memory: .init(disableOOMKiller: true))),
        Row(property: "cpu.realtimeRuntime", resources: .init(cpu: .init(realtimeRuntime: 1))),
        Row(property: "cpu.realtimePeriod", resources: .init(cpu: .init(realtimePeriod: 1))),
        Row(property: "blockIO.leafWeight", resources: .init(blockIO: .init(leafWeight: 10))),
    ]

    @Test(arguments: everywhere, [true, false])
    func `limits that Linux has not`(_ row: Row, _ unified: Bool) {
        #expect(
            refusal(row.resources, unified)?.hasPrefix("linux.resources.\(row.property) is not supported: ") == true)
    }

    @Test(arguments: onUnified)
    func `limits of cgroup v1`(_ row: Row) {
        #expect(
            refusal(row.resources, true)
                == "linux.resources.\(row.property) is not supported: cgroup v2 has no such limit")
        #expect(refusal(row.resources, false) == nil)
    }

    @Test func `what asks for nothing passes`() throws {
        let resources = LinuxResources(
            memory: .init(kernel: -1, kernelTCP: 0, disableOOMKiller: false, useHierarchy: true),
            cpu: .init(realtimeRuntime: 0, realtimePeriod: 0), blockIO: .init(weight: 0, leafWeight: 0),
            rdma: ["mlx0": .init(hcaHandles: 3)])
        try UnenforceableLimits.refuse(resources, unified: true)
    }

    private func refusal(_ resources: LinuxResources, _ unified: Bool) -> String? {
        do throws(CgroupError) {
            try UnenforceableLimits.refuse(resources, unified: unified)
            return nil
        } catch {
            return "\(error)"
        }
    }
}
