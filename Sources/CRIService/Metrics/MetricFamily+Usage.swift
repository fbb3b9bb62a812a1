// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import Cgroups

/// CPU, memory and huge pages. The interface has whole numbers only, so seconds are rounded down.
extension MetricFamily {
    private static let second: UInt64 = 1_000_000_000

    static let usage: [MetricFamily] = [
        gauge("container_last_seen", "Last time a container was seen, in seconds since 1970.") {
            UInt64($0.time) / second
        },
        gauge("container_start_time_seconds", "Start time of the container in seconds since 1970.") {
            $0.startedAt.map { UInt64($0) / second }
        },
        counter("container_cpu_user_seconds_total", "CPU time used in user mode, in seconds.") {
            $0.cgroup.map { $0.cpu.usage.user / second }
        },
        counter("container_cpu_system_seconds_total", "CPU time used in the kernel, in seconds.") {
            $0.cgroup.map { $0.cpu.usage.kernel / second }
        },
        counter("container_cpu_usage_seconds_total", "CPU time used, in seconds.") {
            $0.cgroup.map { $0.cpu.usage.total / second }
        },
        counter("container_cpu_cfs_periods_total", "Periods of CPU time that a quota applied to.") {
            $0.cgroup?.cpu.throttling.periods
        },
        counter("container_cpu_cfs_throttled_periods_total", "Periods of CPU time in which tasks were throttled.") {
            $0.cgroup?.cpu.throttling.throttledPeriods
        },
        counter("container_cpu_cfs_throttled_seconds_total", "Time that tasks were throttled, in seconds.") {
            $0.cgroup.map { $0.cpu.throttling.throttledTime / second }
        },
        counter("container_oom_events_total", "Processes killed for want of memory.") { $0.oomKills },
        hugetlb("container_hugetlb_usage_bytes", "Huge pages in use, in bytes.") { $0.usage },
        hugetlb("container_hugetlb_max_usage_bytes", "The most huge pages ever in use, in bytes.") { $0.max },
    ]

    static let memory: [MetricFamily] = [
        memoryGauge("container_memory_cache", "Page cache, in bytes.") { $0.memory.cache },
        memoryGauge("container_memory_rss", "Anonymous memory, in bytes.") { $0.memoryCounter("rss", "anon") },
        memoryGauge("container_memory_kernel_usage", "Memory of the kernel, in bytes.") {
            $0.memory.kernel?.usage ?? $0.memory.raw["kernel"]
        },
        memoryGauge("container_memory_mapped_file", "Files mapped into memory, in bytes.") {
            $0.memoryCounter("mapped_file", "file_mapped")
        },
        memoryGauge("container_memory_swap", "Swap in use, in bytes.") { $0.swapUsage },
        counter("container_memory_failcnt", "How often the memory limit was hit.") { $0.cgroup?.memory.usage.failcnt },
        memoryGauge("container_memory_usage_bytes", "Memory in use with the page cache, in bytes.") {
            $0.memory.usage.usage
        },
        memoryGauge("container_memory_max_usage_bytes", "The most memory ever in use, in bytes.") {
            $0.memory.usage.max
        },
        memoryGauge("container_memory_working_set_bytes", "Memory that is not easily reclaimed, in bytes.") {
            $0.workingSet
        },
        MetricFamily(
            name: "container_memory_failures_total", help: "Page faults.", type: .counter,
            labels: ["failure_type", "scope"], read: pageFaults),
    ]

    private static func memoryGauge(
        _ name: String, _ help: String, _ read: @escaping @Sendable (CgroupMetrics) -> UInt64?
    ) -> MetricFamily {
        gauge(name, help) { $0.cgroup.flatMap(read) }
    }

    private static func hugetlb(
        _ name: String, _ help: String, _ read: @escaping @Sendable (CgroupMetrics.Hugetlb) -> UInt64?
    ) -> MetricFamily {
        MetricFamily(name: name, help: help, type: .gauge, labels: ["pagesize"]) { source in
            (source.cgroup?.hugetlb ?? [:]).sorted { $0.key < $1.key }.compactMap { size, use in
                read(use).map { Sample(value: $0, labels: [size]) }
            }
        }
    }

    /// Of the cgroup itself, and with those below it; v2 counts both together.
    private static func pageFaults(_ source: MetricSource) -> [Sample] {
        guard let metrics = source.cgroup else { return [] }
        return ["pgfault", "pgmajfault"].flatMap { name in
            [
                Sample(value: metrics.memory.raw[name] ?? 0, labels: [name, "container"]),
                Sample(value: metrics.memoryCounter(name, name), labels: [name, "hierarchy"]),
            ]
        }
    }
}
