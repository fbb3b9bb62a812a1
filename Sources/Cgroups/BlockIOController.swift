// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import OCIRuntimeSpec

/// Shares and rates of block devices: `blkio` of v1, `io` of v2.
package enum BlockIOController: CgroupController {
    package static let name = "blkio"
    package static let unifiedName = "io"

    package static func legacyPlan(
        _ resources: LinuxResources, _ view: CgroupView
    ) throws(CgroupError) -> [CgroupWrite] {
        guard let io = resources.blockIO else { return [] }
        // The scheduler that serves weights has its own names since CFQ is gone.
        let bfq = view.has("blkio.bfq.weight")
        var plan: [CgroupWrite] = []
        if let weight = given(io.weight) { plan.append(write(bfq ? "blkio.bfq.weight" : "blkio.weight", weight)) }
        if let weight = given(io.leafWeight) { plan.append(write("blkio.leaf_weight", weight)) }
        for device in io.weightDevice ?? [] {
            let key = "\(device.major):\(device.minor)"
            if let weight = given(device.weight) {
                plan.append(write(bfq ? "blkio.bfq.weight_device" : "blkio.weight_device", "\(key) \(weight)"))
            }
            if let weight = given(device.leafWeight) {
                plan.append(write("blkio.leaf_weight_device", "\(key) \(weight)"))
            }
        }
        for (rates, key) in rates(io) {
            for device in rates {
                plan.append(
                    write(
                        "blkio.throttle.\(key.legacy)_device", "\(device.major):\(device.minor) \(device.rate ?? 0)"))
            }
        }
        return plan
    }

    package static func unifiedPlan(
        _ resources: LinuxResources, _ view: CgroupView
    ) throws(CgroupError) -> [CgroupWrite] {
        guard let io = resources.blockIO else { return [] }
        let bfq = view.has("io.bfq.weight")
        let file = bfq ? "io.bfq.weight" : "io.weight"
        var plan: [CgroupWrite] = []
        if let weight = given(io.weight) { plan.append(write(file, bfq ? Int(weight) : unifiedWeight(weight))) }
        for device in io.weightDevice ?? [] {
            guard let weight = given(device.weight) else { continue }
            let value = bfq ? Int(weight) : unifiedWeight(weight)
            plan.append(write(file, "\(device.major):\(device.minor) \(value)"))
        }
        for (rates, key) in rates(io) {
            for device in rates {
                // v1 removes a limit by 0, which v2 refuses.
                let rate = given(device.rate).map { "\($0)" } ?? "max"
                plan.append(write("io.max", "\(device.major):\(device.minor) \(key.unified)=\(rate)"))
            }
        }
        return plan
    }

    /// 10...1000 of the specification as 1...10000 of `io.weight`.
    static func unifiedWeight(_ weight: UInt16) -> Int { 1 + (max(Int(weight), 10) - 10) * 9999 / 990 }

    private static func rates(_ io: LinuxBlockIO) -> [([LinuxThrottleDevice], (legacy: String, unified: String))] {
        [
            (io.throttleReadBpsDevice ?? [], ("read_bps", "rbps")),
            (io.throttleWriteBpsDevice ?? [], ("write_bps", "wbps")),
            (io.throttleReadIOPSDevice ?? [], ("read_iops", "riops")),
            (io.throttleWriteIOPSDevice ?? [], ("write_iops", "wiops")),
        ]
    }

    private static func given<Value: FixedWidthInteger>(_ value: Value?) -> Value? { value == 0 ? nil : value }
}
