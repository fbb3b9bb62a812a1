// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CRIAPI
import SwiftProtobuf
import Testing

@testable import CRIService
@testable import Cgroups

struct StatisticsTests {
    private let second: Int64 = 1_000_000_000

    @Test func ratesAreDifferences() {
        let rates = CPURates()
        // Since the beginning: half a processor.
        #expect(rates.rate(of: "a", usage: 500_000_000, at: 11 * second, since: 10 * second) == 500_000_000)
        // Since the request before: two processors.
        #expect(rates.rate(of: "a", usage: 2_500_000_000, at: 12 * second, since: 10 * second) == 2_000_000_000)
        // Too soon to say anything new.
        #expect(rates.rate(of: "a", usage: 2_500_000_001, at: 12 * second + 1, since: 10 * second) == 2_000_000_000)
        // A counter that went back belongs to another cgroup.
        #expect(rates.rate(of: "a", usage: 0, at: 14 * second, since: 10 * second) == 2_000_000_000)
        rates.forget("a")
        #expect(rates.rate(of: "a", usage: second.magnitude, at: 14 * second, since: 10 * second) == 250_000_000)
    }

    @Test func bothVersionsOfMemory() {
        var metrics = CgroupMetrics()
        metrics.memory.usage = .init(limit: 9_223_372_036_854_771_712, usage: 1000)
        metrics.memory.raw = ["inactive_file": 1, "total_inactive_file": 300, "total_rss": 200, "total_pgfault": 9]
        var memory = metrics.memoryUsage(at: 1)
        #expect(memory.workingSetBytes.value == 700 && memory.rssBytes.value == 200 && memory.pageFaults.value == 9)
        #expect(!memory.hasAvailableBytes)
        metrics.memory.usage.limit = 5000
        metrics.memory.raw = ["inactive_file": 300, "anon": 400, "pgfault": 8]
        memory = metrics.memoryUsage(at: 1)
        #expect(memory.workingSetBytes.value == 700 && memory.rssBytes.value == 400 && memory.pageFaults.value == 8)
        #expect(memory.availableBytes.value == 4300)
        metrics.memory.swap = .init(limit: 6000, usage: 1400)
        let swap = metrics.swapUsage(at: 1)
        #expect(swap.swapUsageBytes.value == 400 && swap.swapAvailableBytes.value == 600)
    }

    @Test func pressureIsInNanoseconds() {
        var metrics = CgroupMetrics()
        metrics.cpu.psi = .init(some: .init(avg10: 1.5, avg60: 2, avg300: 3, total: 7), full: nil)
        let psi = metrics.cpuUsage(at: 1, rate: 2).psi
        #expect(psi.hasSome && !psi.hasFull)
        #expect(psi.some.total == 7000 && psi.some.avg10 == 1.5)
    }

    @Test func partsHoldEachItemOnce() {
        #expect(Array(Chunks([1, 2, 3, 4, 5], size: 2)) == [[1, 2], [3, 4], [5]])
        #expect(Array(Chunks([1, 2], size: 2)) == [[1, 2]])
        #expect(Array(Chunks([Int]())).isEmpty)
    }

    @Test func metricsHaveTheLabelsOfTheirDescriptors() throws {
        var cgroup = CgroupMetrics()
        cgroup.cpu.usage = .init(total: 5_000_000_000, kernel: 2_000_000_000, user: 3_000_000_000)
        cgroup.hugetlb = ["2MB": .init(usage: 4, max: 5)]
        cgroup.blkio.counts = ["ioServiceBytesRecursive": [.init(major: 250, minor: 99, op: "Read", value: 6)]]
        var source = MetricSource(time: 7 * second, cgroup: cgroup, oomKills: 1, startedAt: 3 * second)
        source.disk = .init(device: "/data", used: 1, limit: 2, inodes: 3, inodesFree: 4)
        let common = MetricFamily.commonLabels.map { "the \($0)" }
        var byName: [String: Runtime_V1_Metric] = [:]
        for family in MetricFamily.all {
            for metric in family.metrics(source, common: common) {
                #expect(metric.labelValues.count == family.descriptor.labelKeys.count, "\(metric.name)")
                byName[metric.name] = metric
            }
        }
        #expect(byName["container_cpu_usage_seconds_total"]?.value.value == 5)
        #expect(byName["container_last_seen"]?.value.value == 7)
        #expect(byName["container_hugetlb_max_usage_bytes"]?.labelValues.last == "2MB")
        let device = try #require(byName["container_blkio_device_usage_total"])
        #expect(device.labelValues.suffix(4) == ["250:99", "250", "99", "Read"])
        #expect(byName["container_pressure_cpu_waiting_seconds_total"] == nil)
        #expect(Set(MetricFamily.all.map(\.name)).count == MetricFamily.all.count)
    }

    @Test func everyNameThatKubeletKnows() {
        let groups = [
            "container_": "last_seen oom_events_total start_time_seconds processes file_descriptors sockets threads"
                + " threads_max ulimits_soft blkio_device_usage_total",
            "container_cpu_": "user_seconds_total system_seconds_total usage_seconds_total cfs_periods_total"
                + " cfs_throttled_periods_total cfs_throttled_seconds_total",
            "container_fs_": "inodes_free inodes_total limit_bytes usage_bytes reads_total writes_total"
                + " reads_bytes_total writes_bytes_total",
            "container_hugetlb_": "usage_bytes max_usage_bytes",
            "container_memory_": "cache rss kernel_usage mapped_file swap failcnt usage_bytes max_usage_bytes"
                + " working_set_bytes failures_total",
            "container_network_receive_": "bytes_total packets_total packets_dropped_total errors_total",
            "container_network_transmit_": "bytes_total packets_total packets_dropped_total errors_total",
            "container_spec_": "memory_limit_bytes cpu_period cpu_shares cpu_quota memory_reservation_limit_bytes"
                + " memory_swap_limit_bytes",
            "container_pressure_cpu_": "stalled_seconds_total waiting_seconds_total",
            "container_pressure_memory_": "stalled_seconds_total waiting_seconds_total",
            "container_pressure_io_": "stalled_seconds_total waiting_seconds_total",
        ]
        let wanted = groups.flatMap { prefix, names in names.split(separator: " ").map { prefix + $0 } }
        #expect(Set(MetricFamily.all.map(\.name)) == Set(wanted))
    }

    @Test func metricsComeInGroups() {
        let groups = Dictionary(grouping: MetricFamily.all) { $0.group ?? "always" }.mapValues(\.count)
        #expect(
            groups == [
                "always": 1, "cpu": 6, "disk": 4, "diskIO": 5, "hugetlb": 2, "memory": 10, "network": 8, "oom": 1,
                "pressure": 6, "process": 6, "spec": 7,
            ])
        #expect(MetricFamily.members(of: []).map(\.name) == ["container_last_seen"])
        #expect(
            MetricFamily.members(of: ["oom", "hugetlb"]).map(\.name) == [
                "container_last_seen", "container_oom_events_total", "container_hugetlb_usage_bytes",
                "container_hugetlb_max_usage_bytes",
            ])
    }
}
