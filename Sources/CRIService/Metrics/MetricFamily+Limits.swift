// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import Cgroups

/// Processes, limits that were asked for, and pressure.
extension MetricFamily {
    static let processes: [MetricFamily] = [
        gauge("container_processes", "Processes.") { $0.processes?.processes },
        gauge("container_file_descriptors", "Open file descriptors.") { $0.processes?.descriptors },
        gauge("container_sockets", "Open sockets.") { $0.processes?.sockets },
        gauge("container_threads", "Threads.") { $0.processes == nil ? nil : $0.cgroup?.pids.current },
        gauge("container_threads_max", "The most threads allowed; 0 is unlimited.") {
            $0.processes == nil ? nil : $0.cgroup.map { $0.pids.limit ?? 0 }
        },
        MetricFamily(
            name: "container_ulimits_soft", help: "Soft limits of the first process.", type: .gauge, labels: ["ulimit"]
        ) { source in
            source.processes?.openFiles.map { [Sample(value: $0, labels: ["max_open_files"])] } ?? []
        },
    ]

    static let specification: [MetricFamily] = [
        asked("container_spec_cpu_period", "Length of a period of CPU time, in microseconds.") { $0.cpuPeriod },
        asked("container_spec_cpu_shares", "Share of CPU time.") { $0.cpuShares },
        asked("container_spec_cpu_quota", "CPU time in each period, in microseconds.") { $0.cpuQuota },
        asked("container_spec_memory_limit_bytes", "Limit of memory; 0 is unlimited.") { $0.memoryLimitInBytes },
        asked("container_spec_memory_reservation_limit_bytes", "Memory that is left to the container; 0 is none.") {
            _ in 0
        },
        asked("container_spec_memory_swap_limit_bytes", "Limit of memory and swap; 0 is unlimited.") {
            $0.memorySwapLimitInBytes
        },
    ]

    static let pressure: [MetricFamily] = [
        waited("container_pressure_cpu_stalled_seconds_total", "Time that all tasks waited for CPU.") {
            $0.cpu.psi?.full
        },
        waited("container_pressure_cpu_waiting_seconds_total", "Time that some task waited for CPU.") {
            $0.cpu.psi?.some
        },
        waited("container_pressure_memory_stalled_seconds_total", "Time that all tasks waited for memory.") {
            $0.memory.psi?.full
        },
        waited("container_pressure_memory_waiting_seconds_total", "Time that some task waited for memory.") {
            $0.memory.psi?.some
        },
        waited("container_pressure_io_stalled_seconds_total", "Time that all tasks waited for I/O.") {
            $0.blkio.psi?.full
        },
        waited("container_pressure_io_waiting_seconds_total", "Time that some task waited for I/O.") {
            $0.blkio.psi?.some
        },
    ]

    private static func asked(
        _ name: String, _ help: String, _ read: @escaping @Sendable (CRI.Resources) -> Int64
    ) -> MetricFamily {
        gauge(name, help) { $0.resources.map { UInt64(max(0, read($0))) } }
    }

    private static func waited(
        _ name: String, _ help: String,
        _ read: @escaping @Sendable (CgroupMetrics) -> CgroupMetrics.Pressure.Line?
    ) -> MetricFamily {
        counter(name, help) { $0.cgroup.flatMap(read).map { $0.total / 1_000_000 } }
    }
}
