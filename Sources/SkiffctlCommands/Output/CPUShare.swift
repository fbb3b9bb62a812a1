// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CRIAPI

/// The use of CPU between two samples: 100 is one processor.
enum CPUShare {
    static func percent(_ now: Runtime_V1_CpuUsage, since before: Runtime_V1_CpuUsage?) -> Double {
        guard let before, now.timestamp > before.timestamp,
            now.usageCoreNanoSeconds.value >= before.usageCoreNanoSeconds.value
        else { return Double(now.usageNanoCores.value) / 1e7 }
        let used = Double(now.usageCoreNanoSeconds.value - before.usageCoreNanoSeconds.value)
        return used / Double(now.timestamp - before.timestamp) * 100
    }

    /// Two digits behind the point.
    static func text(_ now: Runtime_V1_CpuUsage, since before: Runtime_V1_CpuUsage?) -> String {
        let hundredths = Int((percent(now, since: before) * 100).rounded())
        let fraction = String(hundredths % 100)
        return "\(hundredths / 100)." + (fraction.count == 1 ? "0" : "") + fraction
    }
}
