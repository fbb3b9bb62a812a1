// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

extension LegacyCgroup {
    package func metrics() throws(CgroupError) -> CgroupMetrics {
        var metrics = CgroupMetrics()
        if let view = view("cpuacct") { metrics.cpu.usage = Self.cpuUsage(view) }
        if let view = view(CPUController.name) {
            let counters = view.counters("cpu.stat")
            metrics.cpu.throttling = CgroupMetrics.CPU.Throttling(
                periods: counters["nr_periods"], throttledPeriods: counters["nr_throttled"],
                throttledTime: counters["throttled_time"])
        }
        if let view = view(CpusetController.name) { metrics.cpuset = Self.cpuset(view) }
        if let view = view(MemoryController.name) { metrics.memory = Self.memory(view) }
        if let view = view(PidsController.name) { metrics.pids = view.pidsMetrics }
        if let view = view(BlockIOController.name) { metrics.blkio = Self.blockIO(view) }
        // A hybrid host may have the controller in either hierarchy.
        if let view = view(HugetlbController.name) {
            metrics.hugetlb = view.legacyHugetlb
        } else if let unified {
            metrics.hugetlb = CgroupView(unified).unifiedHugetlb
        }
        return metrics
    }

    private func view(_ controller: String) -> CgroupView? {
        location.directory(controller: controller).map { CgroupView(CgroupDirectory($0)) }
    }

    private static func cpuUsage(_ view: CgroupView) -> CgroupMetrics.CPU.Usage {
        var usage = CgroupMetrics.CPU.Usage()
        usage.total = view.number("cpuacct.usage") ?? 0
        usage.kernel = view.number("cpuacct.usage_sys") ?? 0
        usage.user = view.number("cpuacct.usage_user") ?? 0
        usage.percpu = view.numbers("cpuacct.usage_percpu")
        usage.percpuKernel = view.numbers("cpuacct.usage_percpu_sys")
        usage.percpuUser = view.numbers("cpuacct.usage_percpu_user")
        return usage
    }

    private static func cpuset(_ view: CgroupView) -> CgroupMetrics.CPUSet {
        var set = CgroupMetrics.CPUSet(cpus: view.list("cpuset.cpus"), mems: view.list("cpuset.mems"))
        for name in CgroupMetrics.CPUSet.switchNames {
            set.switches[name] = view.read("cpuset.\(name)").flatMap { Int64($0) }
        }
        return set
    }

    private static func memory(_ view: CgroupView) -> CgroupMetrics.Memory {
        var memory = CgroupMetrics.Memory()
        memory.raw = view.table("memory.stat")
        memory.cache = memory.raw["cache"]
        memory.usage = entry(view, "memory") ?? .init()
        memory.swap = entry(view, "memory.memsw")
        memory.kernel = entry(view, "memory.kmem")
        memory.kernelTCP = entry(view, "memory.kmem.tcp")
        return memory
    }

    private static func entry(_ view: CgroupView, _ prefix: String) -> CgroupMetrics.Memory.Entry? {
        guard let usage = view.number("\(prefix).usage_in_bytes") else { return nil }
        return CgroupMetrics.Memory.Entry(
            limit: view.number("\(prefix).limit_in_bytes") ?? .max, usage: usage,
            max: view.number("\(prefix).max_usage_in_bytes"), failcnt: view.number("\(prefix).failcnt") ?? 0)
    }

    /// Counts of the scheduler that serves weights; without one, those of throttling.
    private static func blockIO(_ view: CgroupView) -> CgroupMetrics.BlockIO {
        let files = [
            ("ioServiceBytesRecursive", "io_service_bytes"), ("ioServicedRecursive", "io_serviced"),
            ("ioQueueRecursive", "io_queued"), ("ioServiceTimeRecursive", "io_service_time"),
            ("ioWaitTimeRecursive", "io_wait_time"), ("ioMergedRecursive", "io_merged"), ("ioTimeRecursive", "time"),
            ("sectorsRecursive", "sectors"),
        ]
        var blockIO = CgroupMetrics.BlockIO()
        for (name, file) in files {
            let candidates = [
                "blkio.bfq.\(file)_recursive", "blkio.\(file)_recursive", "blkio.throttle.\(file)_recursive",
            ]
            let text = candidates.lazy.compactMap(view.read).first
            blockIO.counts[name] = (text ?? "").split(separator: "\n").compactMap(entry)
        }
        return blockIO
    }

    /// `8:0 Read 4096`, or without the word in the middle.
    private static func entry(_ line: Substring) -> CgroupMetrics.BlockIOEntry? {
        let fields = line.split { $0 == " " || $0 == ":" }
        guard fields.count == 3 || fields.count == 4, let major = UInt64(fields[0]), let minor = UInt64(fields[1]),
            let value = UInt64(fields[fields.count - 1])
        else { return nil }
        let operation = fields.count == 4 ? String(fields[2]) : nil
        return CgroupMetrics.BlockIOEntry(major: major, minor: minor, op: operation, value: value)
    }
}
