// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CRIAPI
import OCIRuntimeSpec
import SwiftProtobuf
import Testing

@testable import CRIService

/// What plugins change, where the engine has its part in it.
struct PluginChangesTests {
    @Test func onlyWhatWasChangedIsTold() {
        var resources = CRI.Resources.with {
            ($0.cpuShares, $0.memoryLimitInBytes, $0.oomScoreAdj) = (5, 100, 7)
            $0.hugepageLimits = [.with { ($0.pageSize, $0.limit) = ("2MB", 1) }]
        }
        let before = resources
        let old = LinuxResources(memory: LinuxMemory(limit: 100, swap: 100), cpu: LinuxCPU(shares: 5))
        resources.overlay(old, over: old)
        #expect(resources == before)
        var new = old
        new.cpu = LinuxCPU(shares: 6, quota: 10, period: 20, cpus: "0-1")
        new.hugepageLimits = [LinuxHugepageLimit(pageSize: "2MB", limit: 4)]
        new.unified = ["memory.high": "9"]
        resources.overlay(new, over: old)
        #expect((resources.cpuShares, resources.cpuQuota, resources.cpuPeriod) == (6, 10, 20))
        #expect(resources.cpusetCpus == "0-1" && resources.hugepageLimits.map(\.limit) == [4])
        #expect(resources.unified == ["memory.high": "9"])
        // Swap follows memory without anybody having asked for it.
        #expect((resources.memoryLimitInBytes, resources.memorySwapLimitInBytes) == (100, 0))
    }

    @Test func swapThatNobodyMentionsIsBound() {
        let host = SpecRequest().host
        var resources = LinuxResources(memory: LinuxMemory(limit: 5))
        resources.bindSwap(on: host)
        #expect(resources.memory?.swap == 5)
        resources.memory = LinuxMemory(limit: 5, swap: 9)
        resources.bindSwap(on: host)
        #expect(resources.memory?.swap == 9)
        resources.memory = LinuxMemory(reservation: 5)
        resources.bindSwap(on: host)
        #expect(resources.memory?.swap == nil)
    }

    @Test func devicesOfCDIComeOnTop() throws {
        let request = SpecRequest()
        let spec = try request.build()
        let edits = CDIEdits(env: ["CDI=1"])
        let device = PreparedDevice(
            node: LinuxDevice(type: "c", path: "/dev/cdi", major: 1, minor: 3), access: "rw")
        let more = SpecBuilder.add([edits], [device], to: spec, request.input)
        #expect(more.process?.env == (spec.process?.env ?? []) + ["CDI=1"])
        #expect(more.linux?.devices == [device.node])
        #expect(more.linux?.resources?.devices == (spec.linux?.resources?.devices ?? []) + [device.rule])
        #expect(SpecBuilder.add([], [], to: spec, request.input) == spec)
    }
}
