// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

@Suite("skiffrun: when and where the process runs", .requiresRoot)
struct SkiffrunSchedulingTests {
    /// What /proc/PID/stat tells, proc_pid_stat(5).
    struct Schedule: Equatable {
        var policy: Int
        var priority: Int
        var nice: Int

        init(policy: Int, priority: Int = 0, nice: Int = 0) {
            (self.policy, self.priority, self.nice) = (policy, priority, nice)
        }

        init(of pid: Int32) throws {
            let text = try Syscall.readText("/proc/\(pid)/stat")
            let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ").dropFirst()
            // The first of them is the third of the file.
            let numbers = fields.map { Int($0) ?? 0 }
            self.init(policy: numbers[41 - 3], priority: numbers[40 - 3], nice: numbers[19 - 3])
        }
    }

    static let schedules: [([String: any Sendable], Schedule)] = [
        (["policy": "SCHED_OTHER", "nice": 7], Schedule(policy: 0, nice: 7)),
        (["policy": "SCHED_FIFO", "priority": 12], Schedule(policy: 1, priority: 12)),
        (["policy": "SCHED_RR", "priority": 3], Schedule(policy: 2, priority: 3)),
        (["policy": "SCHED_BATCH", "nice": -5], Schedule(policy: 3, nice: -5)),
        (["policy": "SCHED_IDLE"], Schedule(policy: 5)),
        (
            [
                "policy": "SCHED_DEADLINE", "runtime": 1_000_000, "deadline": 10_000_000, "period": 20_000_000,
                "flags": ["SCHED_FLAG_RESET_ON_FORK"],
            ], Schedule(policy: 6)
        ),
    ]

    @Test(arguments: schedules)
    func scheduler(_ configured: [String: any Sendable], _ expected: Schedule) throws {
        let bundle = try SkiffrunBundle()
        let pid = try bundle.startSleeper {
            $0["process.scheduler"] = configured
            if expected.priority > 0, try Self.hasRealtimeBudgets(bundle) {
                $0["linux.resources.cpu"] = ["realtimeRuntime": 10000]
            }
        }
        #expect(try Schedule(of: pid) == expected)
    }

    static let rootBudget = "/sys/fs/cgroup/cpu/cpu.rt_runtime_us"

    /// cgroup v1 may want a share of time to be set aside for realtime processes: first by the parent, here.
    private static func hasRealtimeBudgets(_ bundle: SkiffrunBundle) throws -> Bool {
        guard Syscall.exists(rootBudget) else { return false }
        let parent = "/sys/fs/cgroup/cpu\(bundle.cgroup)"
        try Syscall.makeDirectories(parent)
        try Syscall.writeExisting("\(parent)/cpu.rt_runtime_us", "20000")
        return true
    }

    @Test(.enabled(if: Syscall.exists(rootBudget), "the host's cgroups have no realtime budgets"))
    func realtimeWithoutABudget() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["true"]) { $0["process.scheduler"] = ["policy": "SCHED_RR", "priority": 1] }
        let result = try bundle.run("run", "c")
        #expect(result.errorText.contains("set scheduler \"SCHED_RR\": operation not permitted (in cgroup v1 needs"))
        bundle.expectNothingLeft()
    }

    @Test func schedulerOfExecutedProcesses() throws {
        let bundle = try SkiffrunBundle()
        _ = try bundle.startSleeper { $0["process.scheduler"] = ["policy": "SCHED_BATCH", "nice": 3] }
        let result = try bundle.run("exec", "c", "sh", "-c", "cat /proc/$$/stat")
        let fields = result.outputText.split(separator: " ")
        try #require(fields.count > 41)
        #expect(fields[40] == "3" && fields[18] == "3", "policy and nice")
    }

    @Test func classOfInputAndOutput() throws {
        let bundle = try SkiffrunBundle()
        let text = try bundle.output("busybox ionice") {
            $0["process.ioPriority"] = ["class": "IOPRIO_CLASS_BE", "priority": 6]
        }
        #expect(text == "best-effort: prio 6\n")
        _ = try bundle.startSleeper { $0["process.ioPriority"] = ["class": "IOPRIO_CLASS_IDLE"] }
        #expect(try bundle.run("exec", "c", "busybox", "ionice").outputText.hasPrefix("idle"))
    }

    static let affinity = "grep Cpus_allowed_list /proc/self/status"

    /// The CPUs of a service manager, or of whoever pins the runtime, are not the container's.
    @Test(.enabled(if: HostCPUs.last > 0, "one CPU cannot be chosen among")) func cpusAreThoseOfTheCgroup() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(script: Self.affinity)
        let pinned = try bundle.run(after: "busybox taskset -p 1 $$ >/dev/null", ["run", "c"])
        #expect(pinned.outputText == "Cpus_allowed_list:\t\(HostCPUs.list)\n")
        _ = try bundle.startSleeper { $0["linux.resources.cpu"] = ["cpus": "0"] }
        #expect(try bundle.run("exec", "c", "sh", "-c", Self.affinity).outputText == "Cpus_allowed_list:\t0\n")
    }

    @Test(.enabled(if: HostCPUs.last > 0, "one CPU cannot be chosen among")) func cpusOfExecutedProcesses() throws {
        let bundle = try SkiffrunBundle()
        let last = HostCPUs.last
        _ = try bundle.startSleeper { $0["process.execCPUAffinity"] = ["initial": "0", "final": "\(last)"] }
        let own = try bundle.run("exec", "c", "sh", "-c", Self.affinity)
        #expect(own.outputText == "Cpus_allowed_list:\t\(last)\n")
        let file = "\(bundle.scratch)/process.json"
        try AtomicFile.write(
            file,
            """
            {"cwd": "/", "args": ["sh", "-c", "\(Self.affinity)"], "env": ["PATH=/bin"],
             "execCPUAffinity": {"initial": "0"}}
            """)
        let initial = try bundle.run("exec", "--process", file, "c")
        // Before Linux 6.2 arrival in a cgroup gives a process all CPUs of it.
        let kept = HostKernel.isAtLeast(6, 2) ? "0" : HostCPUs.list
        #expect(initial.outputText == "Cpus_allowed_list:\t\(kept)\n")
        // The container's own process has nothing to do with it.
        #expect(try Syscall.readText("/proc/\(try bundle.state()["pid"] ?? 0)/status").contains("\t\(HostCPUs.list)\n"))
    }

    @Test(.enabled(if: Syscall.exists("/proc/self/numa_maps"), "the kernel has no memory policies"))
    func memoryPolicy() throws {
        let bundle = try SkiffrunBundle()
        let text = try bundle.output("cat /proc/self/numa_maps") {
            $0["linux.memoryPolicy"] = ["mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]]
        }
        #expect(text.contains(" bind=static:0 "))
        _ = try bundle.startSleeper { $0["linux.memoryPolicy"] = ["mode": "MPOL_INTERLEAVE", "nodes": "0"] }
        #expect(try bundle.run("exec", "c", "cat", "/proc/self/numa_maps").outputText.contains(" interleave:0 "))
        // A node that is not there is the kernel's to refuse.
        try bundle.configure(["true"], id: "d") { $0["linux.memoryPolicy"] = ["mode": "MPOL_BIND", "nodes": "60"] }
        let refused = try bundle.run("run", "d")
        #expect(refused.errorText.contains("set memory policy \"MPOL_BIND\": invalid argument"))
    }

    @Test func personality() throws {
        let bundle = try SkiffrunBundle()
        let machine = try bundle.output("busybox uname -m") { $0["linux.personality"] = ["domain": "LINUX"] }
        let small = try bundle.output("busybox uname -m") { $0["linux.personality"] = ["domain": "LINUX32"] }
        #expect(["x86_64": "i686", "aarch64": "armv8l"][machine.trimmed] == small.trimmed)
    }

    @Test func sizeOfTheTerminal() throws {
        let bundle = try SkiffrunBundle()
        let text = try bundle.output("stty size") {
            $0["process.terminal"] = true
            $0["process.consoleSize"] = ["height": 33, "width": 101]
        }
        #expect(text.trimmed == "33 101")
    }
}

/// The CPUs that this process may use, as a list and the last of them.
enum HostCPUs {
    static var list: String {
        let status = (try? Syscall.readText("/proc/self/status")) ?? ""
        let line = status.linesList.first { $0.hasPrefix("Cpus_allowed_list") } ?? ""
        return line.split(separator: "\t").last.map(String.init) ?? "0"
    }
    static var last: Int { list.split { $0 == "," || $0 == "-" }.last.flatMap { Int($0) } ?? 0 }
}
