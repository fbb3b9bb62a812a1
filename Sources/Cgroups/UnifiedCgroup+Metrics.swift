// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

extension UnifiedCgroup {
    package func metrics() throws(CgroupError) -> CgroupMetrics {
        let view = CgroupView(members)
        var metrics = CgroupMetrics()
        let counters = view.counters("cpu.stat")
        metrics.cpu.usage = CgroupMetrics.CPU.Usage(
            total: counters["usage_usec"] * 1000, kernel: counters["system_usec"] * 1000,
            user: counters["user_usec"] * 1000)
        metrics.cpu.throttling = CgroupMetrics.CPU.Throttling(
            periods: counters["nr_periods"], throttledPeriods: counters["nr_throttled"],
            throttledTime: counters["throttled_usec"] * 1000)
        metrics.cpu.psi = view.pressure("cpu.pressure")
        metrics.cpuset.cpus = view.list("cpuset.cpus.effective")
        metrics.cpuset.mems = view.list("cpuset.mems.effective")
        metrics.memory = Self.memoryMetrics(view)
        metrics.pids = view.pidsMetrics
        metrics.blkio.counts = Self.blockIO(view.read("io.stat") ?? "")
        metrics.blkio.psi = view.pressure("io.pressure")
        metrics.hugetlb = view.unifiedHugetlb
        return metrics
    }

    private static func memoryMetrics(_ view: CgroupView) -> CgroupMetrics.Memory {
        var memory = CgroupMetrics.Memory()
        memory.raw = view.table("memory.stat")
        memory.cache = memory.raw["file"]
        guard let usage = view.number("memory.current") else { return memory }
        memory.usage = CgroupMetrics.Memory.Entry(
            limit: view.number("memory.max") ?? .max, usage: usage, max: view.number("memory.peak"),
            failcnt: view.counters("memory.events")["max"])
        // v1 counts memory and swap together, and so do readers of this.
        if let swap = view.number("memory.swap.current") {
            let limit = view.number("memory.swap.max").map { $0.addingReportingOverflow(memory.usage.limit) }
            memory.swap = CgroupMetrics.Memory.Entry(
                limit: limit.map { $0.overflow ? .max : $0.partialValue } ?? .max, usage: swap + usage)
        }
        memory.psi = view.pressure("memory.pressure")
        return memory
    }

    /// `8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0`
    static func blockIO(_ text: String) -> [String: [CgroupMetrics.BlockIOEntry]] {
        let kinds: [Substring: (name: String, op: String)] = [
            "rbytes": ("ioServiceBytesRecursive", "Read"), "wbytes": ("ioServiceBytesRecursive", "Write"),
            "rios": ("ioServicedRecursive", "Read"), "wios": ("ioServicedRecursive", "Write"),
        ]
        var counts: [String: [CgroupMetrics.BlockIOEntry]] = [:]
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ")
            let numbers = (fields.first ?? "").split(separator: ":").compactMap { UInt64($0) }
            guard numbers.count == 2 else { continue }
            for field in fields.dropFirst() {
                let parts = field.split(separator: "=")
                guard parts.count == 2, let kind = kinds[parts[0]], let value = UInt64(parts[1]) else { continue }
                counts[kind.name, default: []].append(
                    CgroupMetrics.BlockIOEntry(major: numbers[0], minor: numbers[1], op: kind.op, value: value))
            }
        }
        return counts
    }
}
