// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Foundation
import Linux
import TestSupport
import Testing

/// Limits that change while the container runs, and what is counted meanwhile.
@Suite("skiffrun: update and events", .requiresRoot)
struct SkiffrunUpdateTests {
    private func memory(_ bundle: SkiffrunBundle) throws -> String {
        try HostCgroups.value("\(bundle.cgroup)/c", v1: ("memory", "memory.limit_in_bytes"), v2: "memory.max")
    }

    private func pids(_ bundle: SkiffrunBundle) throws -> String {
        try HostCgroups.value("\(bundle.cgroup)/c", v1: ("pids", "pids.max"), v2: "pids.max")
    }

    private func recorded(_ bundle: SkiffrunBundle) throws -> [String: Any] {
        let data = Data(try Syscall.readFile("\(bundle.root)/c/resources.json"))
        return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    @Test func optionsChangeLimitsAndAreRemembered() throws {
        let bundle = try SkiffrunBundle()
        _ = try bundle.startSleeper { $0["linux.resources.memory"] = ["limit": 64 << 20] }
        let options = ["--memory=32m", "--pids-limit", "20", "--cpu-quota", "20000", "--cpu-period=50000"]
        expect(try bundle.run(["update"] + options + ["c"]), 0, "")
        #expect(try memory(bundle) == "\(32 << 20)")
        #expect(try pids(bundle) == "20")
        let quota = ("cpu", "cpu.cfs_quota_us")
        let expected = HostCgroups.isUnified ? "20000 50000" : "20000"
        #expect(try HostCgroups.value("\(bundle.cgroup)/c", v1: quota, v2: "cpu.max") == expected)
        expect(try bundle.run("update", "c", "--pids-limit", "-1"), 0, "")
        #expect(try pids(bundle) == "max")
        let record = try recorded(bundle)
        #expect((record["memory"] as? [String: Any])?["limit"] as? Int == 32 << 20)
        #expect((record["pids"] as? [String: Any])?["limit"] as? Int == -1)
    }

    @Test func resourcesFromAFileAndFromStandardInput() throws {
        let bundle = try SkiffrunBundle()
        _ = try bundle.startSleeper()
        let file = "\(bundle.scratch)/resources"
        try AtomicFile.write(file, #"{"pids":{"limit":33},"memory":{"limit":67108864}}"#)
        expect(try bundle.run("update", "--resources", file, "c"), 0, "")
        #expect(try pids(bundle) == "33")
        // Options count more than the file.
        let result = try bundle.run(after: "exec <\(file)", ["update", "-r", "-", "--pids-limit=44", "c"])
        expect(result, 0, "")
        #expect(try pids(bundle) == "44")
        #expect(try memory(bundle) == "67108864")
    }

    @Test func failureLeavesTheOldLimits() throws {
        let bundle = try SkiffrunBundle()
        _ = try bundle.startSleeper {
            $0["linux.resources.memory"] = ["limit": 64 << 20]
            $0["linux.resources.pids"] = ["limit": 10]
        }
        // The kernel refuses the CPU; in v2 after memory was written, in v1 before.
        let result = try bundle.run("update", "--memory", "32m", "--pids-limit", "5", "--cpuset-cpus", "900", "c")
        #expect(result.status == .exited(1))
        #expect(result.errorText.contains("cpuset.cpus"), "\(result.errorText)")
        let wrong = #"{"memory":{"limit":33554432},"pids":{"limit":5},"hugepageLimits":[{"pageSize":"3MB","limit":1}]}"#
        let file = "\(bundle.scratch)/resources"
        try AtomicFile.write(file, wrong)
        #expect(try bundle.run("update", "-r", file, "c").status == .exited(1))
        #expect(try memory(bundle) == "\(64 << 20)")
        #expect(try pids(bundle) == "10")
        #expect((try recorded(bundle)["pids"] as? [String: Any])?["limit"] as? Int == 10)
    }

    @Test func deviceRulesChangeWithoutAMomentOfDenial() throws {
        let bundle = try SkiffrunBundle()
        let pid = try bundle.startSleeper { $0["process.args"] = ["sh", "-c", Self.opensForEver] }
        let mark = "\(bundle.rootfs)/tmp/denied"
        let file = "\(bundle.scratch)/resources"
        let deny: [String: Any] = ["allow": false, "access": "rwm"]
        for turn in 0..<20 {
            let more: [String: Any] =
                turn % 3 == 2
                ? ["allow": true, "access": "rwm"]
                : ["allow": true, "type": "c", "major": 10, "minor": 200 + turn, "access": "rwm"]
            let resources = ["devices": [deny, more]]
            try AtomicFile.write(file, Array(try JSONSerialization.data(withJSONObject: resources)))
            expect(try bundle.run("update", "-r", file, "c"), 0, "")
        }
        #expect(!Syscall.exists(mark))
        #expect(try !ProcStat(pid).isDead)
    }

    /// Leaves a mark when it cannot open the null device.
    private static let opensForEver = "while :; do : 2>/dev/null </dev/null >/dev/null || echo x >>/tmp/denied; done"

    @Test(arguments: [
        (["--memory", "x"], "invalid value for memory: invalid size: 'x'"),
        (["--memory", "9999999t"], "invalid value for memory: size '9999999t' is too large"),
        (["--cpu-share", "-1"], "invalid value for cpu-share: \"-1\" is not a number from 0 to 18446744073709551615"),
        (["--cpu-share", "1"], "the minimum allowed cpu-shares is 2"),
        (["--pids-limit", "many"], "invalid value for pids-limit: \"many\" is not a number"),
        (["--resources", "/nowhere"], "open \"/nowhere\": no such file or directory"),
        (["--resources", "/tmp"], "\"/tmp\": is a directory"),
        (["--l3-cache-schema", "L3:0=f"], "Intel RDT/CAT: l3 cache schema is not enabled"),
        (["--mem-bw-schema", "MB:0=5"], "Intel RDT/MBA: memory bandwidth schema is not enabled"),
        (["--what", "x"], "flag provided but not defined: --what (see \"skiffrun help update\")"),
    ])
    func errorsAreNamed(_ options: [String], _ error: String) throws {
        if options[0] == "--cpu-share", options[1] == "1", HostCgroups.isUnified { return }
        let bundle = try SkiffrunBundle()
        _ = try bundle.startSleeper()
        let result = try bundle.run(["update"] + options + ["c"])
        #expect(result.status == .exited(1))
        #expect(result.errorText.contains(error), "\(result.errorText)")
        #expect(!Syscall.exists("\(bundle.root)/c/resources.json") || !error.hasPrefix("invalid"))
    }

    @Test func stoppedContainersHaveNoLimits() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["true"])
        try #require(try bundle.run("run", "--keep", "c").status.isSuccess)
        expect(try bundle.run("update", "--pids-limit", "5", "c"), 1, "container not running\n")
        expect(try bundle.run("events", "--stats", "c"), 1, "container with id c is not running\n")
    }

    @Test func statisticsAreInTheFormOfRunc() throws {
        let bundle = try SkiffrunBundle()
        _ = try bundle.startSleeper { $0["linux.resources.memory"] = ["limit": 64 << 20] }
        let result = try bundle.run("events", "--stats", "c")
        let event = try #require(try JSONSerialization.jsonObject(with: Data(result.output)) as? [String: Any])
        #expect(event["type"] as? String == "stats" && event["id"] as? String == "c")
        let data = try #require(event["data"] as? [String: Any])
        func value(_ path: String) -> Any? {
            path.split(separator: ".").reduce(data as Any?) { ($0 as? [String: Any])?[String($1)] }
        }
        #expect(try #require(value("cpu.usage.total") as? Int) > 0)
        #expect(value("memory.usage.limit") as? Int == 64 << 20)
        #expect(try #require(value("memory.usage.usage") as? Int) > 0)
        #expect(try #require(value("memory.raw") as? [String: Any]).count > 5)
        #expect(value("pids.current") as? Int == 1)
        #expect(value("cpu.throttling") != nil && value("cpuset") != nil && value("blkio") != nil)
    }

    @Test func eventsFollowUntilTheEnd() throws {
        let bundle = try SkiffrunBundle()
        // Waits for a file, then takes more memory than there is.
        let script = "while [ ! -e /tmp/go ]; do sleep 0.05; done; x=a; while :; do x=$x$x$x$x; done"
        _ = try bundle.startSleeper {
            $0["process.args"] = ["sh", "-c", script]
            $0["linux.resources.memory"] = ["limit": 16 << 20, "swap": 16 << 20]
        }
        let output = "\(bundle.scratch)/events"
        let follow = "(\"$@\" >\(output) 2>&1; echo end >>\(output)) & exit"
        _ = try bundle.run(after: follow, ["events", "--interval", "50ms", "c"])
        // The shell that makes the file runs on its own.
        try eventually("statistics come again") {
            (try? Syscall.readText(output))?.linesList.count ?? 0 >= 3
        }
        try AtomicFile.write("\(bundle.rootfs)/tmp/go", "")
        try eventually("events end") { try Syscall.readText(output).linesList.last == "end" }
        let lines = try Syscall.readText(output).linesList
        #expect(lines.dropLast().allSatisfy { $0.hasPrefix("{") }, "\(lines)")
        #expect(lines.contains { $0.contains(#""type":"oom""#) }, "\(lines.suffix(3))")
    }

    @Test(arguments: [
        ("0", "duration interval must be greater than 0"),
        ("x", "invalid value \"x\" for flag --interval: a duration such as 5s is expected"),
        ("5", "invalid value \"5\" for flag --interval: a duration such as 5s is expected"),
    ])
    func intervalsAreChecked(_ interval: String, _ error: String) throws {
        let bundle = try SkiffrunBundle()
        expect(try bundle.run("events", "--interval", interval, "c"), 1, error + "\n")
    }
}
