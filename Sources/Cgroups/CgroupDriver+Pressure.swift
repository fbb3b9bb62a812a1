// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

extension CgroupDriver {
    /// Whether any hierarchy has the cgroup. A runtime that does not see the unified one beside v1 makes none there.
    package var existsSomewhere: Bool { location.subtrees.contains { Syscall.exists($0.directory) } }

    /// The same as `metrics`, and on a hybrid host also the pressure that the unified hierarchy counts beside the
    /// controllers of v1.
    package func metricsWithPressure() throws(CgroupError) -> CgroupMetrics {
        var metrics = try metrics()
        guard location.mode == .hybrid, let unified else { return metrics }
        let view = CgroupView(unified)
        metrics.cpu.psi = view.pressure("cpu.pressure")
        metrics.memory.psi = view.pressure("memory.pressure")
        metrics.blkio.psi = view.pressure("io.pressure")
        return metrics
    }
}
