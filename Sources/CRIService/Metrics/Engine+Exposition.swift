// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import EngineConfiguration
internal import Linux
internal import Traces

extension Engine {
    /// What the engine has done, and how it is, for Prometheus.
    func exposition(prefix: String) async -> String {
        var text = Exposition(prefix: prefix)
        text.add(metrics.counts)
        if let tracer { text.add(tracer.spans.counts) }
        text.add(
            "default_runtime", .gauge, "The handler of pods that ask for none.",
            [.init(1, ("runtime", config.runtime.defaultHandler))])
        var (pods, containers): (UInt64, UInt64) = (0, 0)
        for pod in table.pods where await pod.isReady { pods += 1 }
        for container in table.containers where await container.isRunning { containers += 1 }
        text.add("pods", .gauge, "Pods that are ready.", [.init(pods)])
        text.add("containers", .gauge, "Containers that run.", [.init(containers)])
        let process = await BlockingPool.run { ProcessFigures() }
        text.add("processes_defunct", .gauge, "Zombies of the machine.", [.init(process.zombies)])
        text.add("resident_memory_bytes", .gauge, "Memory of the daemon.", [.init(process.residentBytes)])
        text.add("open_fds", .gauge, "Open files of the daemon.", [.init(process.openFiles)])
        return text.text
    }
}

extension Exposition {
    fileprivate mutating func add(_ spans: SpanQueue.Counts) {
        add("tracing_spans_total", .counter, "Spans that the collector has taken.", [.init(spans.sent)])
        add(
            "tracing_spans_dropped_total", .counter, "Spans that it refused, or that found no room to wait for it.",
            [.init(spans.dropped)])
    }

    fileprivate mutating func add(_ counts: EngineMetrics.Counts) {
        let operations = counts.operations.sorted { $0.key < $1.key }
        add(
            "operations_total", .counter, "Requests of the CRI.",
            operations.map { .init($1.count, ("operation", $0)) })
        add(
            "operations_errors_total", .counter, "Requests that failed.",
            operations.map { .init($1.errors, ("operation", $0)) })
        add(counts.times.sorted { $0.key < $1.key }, now: KernelClock.monotonic)
        add(counts.pulls)
        add(
            "resources_stalled_at_stage", .counter, "Requests that found what they ask for in the making.",
            counts.stalled.sorted { $0.key < $1.key }.map { .init($1, ("stage", $0)) })
        let pulls = counts.operations["PullImage"] ?? .init()
        add("image_pulls_success_total", .counter, "Pulls that succeeded.", [.init(pulls.count - pulls.errors)])
        add(
            "image_pulls_failure_total", .counter, "Pulls that failed.",
            counts.failedPulls.sorted { $0.key < $1.key }.map { .init($1, ("error", $0)) })
        add("containers_oom_total", .counter, "Containers killed for want of memory.", [.init(counts.oomKills)])
        add(
            "containers_oom_count_total", .counter, "The same by the container's name, while it is there.",
            counts.oomKillsOf.sorted { $0.key < $1.key }.map { .init($1, ("name", $0)) })
        add(
            "containers_seccomp_notifier_count_total", .counter, "Forbidden system calls of containers.",
            counts.forbiddenCalls.sorted { $0.key < $1.key }.flatMap { name, calls in
                calls.sorted { $0.key < $1.key }.map { .init($1, ("name", name), ("syscall", $0)) }
            })
        add(
            "containers_stopped_monitor_count", .counter, "Monitors of pods that ended when nobody wanted it.",
            [.init(counts.lostMonitors)])
        add(
            "containers_events_dropped_total", .counter, "Listeners to events that fell behind and were told so.",
            [.init(counts.lateListeners)])
    }
}

/// What the machine tells of processes; what it does not tell is 0. Blocks the calling thread.
private struct ProcessFigures: Sendable {
    var zombies: UInt64 = 0
    var residentBytes: UInt64 = 0
    var openFiles: UInt64 = 0

    init() {
        for name in (try? Syscall.entries("/proc")) ?? [] {
            guard let pid = Int32(name), let stat = try? ProcStat(pid), stat.state == "Z" else { continue }
            zombies += 1
        }
        // `VmRSS:    1234 kB`; see proc_pid_status(5).
        let lines = ((try? Syscall.readText("/proc/self/status")) ?? "").split(separator: "\n")
        let resident = lines.first { $0.hasPrefix("VmRSS:") }?.split { $0 == " " || $0 == "\t" } ?? []
        if resident.count > 1, let kilobytes = UInt64(resident[1]) { residentBytes = kilobytes << 10 }
        openFiles = UInt64((try? Syscall.entries("/proc/self/fd"))?.count ?? 0)
    }
}
