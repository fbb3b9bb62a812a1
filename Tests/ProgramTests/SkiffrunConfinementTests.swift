// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

@Suite("skiffrun: what the process may do", .requiresRoot)
struct SkiffrunConfinementTests {
    @Test func capabilitiesAreThoseOfTheConfiguration() throws {
        let bundle = try SkiffrunBundle()
        // CAP_KILL is number 5, CAP_CHOWN 0.
        let text = try bundle.output("grep Cap /proc/self/status") { $0.setCapabilities(["CAP_KILL", "CAP_CHOWN"]) }
        let expected = ["0000000000000000", "0000000000000021", "0000000000000021", "0000000000000021"]
        #expect(text.linesList.prefix(4).map { $0.split(separator: "\t").last.map(String.init) } == expected)
    }

    @Test func noCapabilitiesWithoutTheSection() throws {
        let bundle = try SkiffrunBundle()
        let text = try bundle.output("grep -E 'Cap(Prm|Eff|Bnd)' /proc/self/status") {
            $0["process.capabilities"] = nil
        }
        #expect(text.linesList.allSatisfy { $0.hasSuffix("0000000000000000") })
    }

    @Test func ambientCapabilitiesReachOtherUsers() throws {
        let bundle = try SkiffrunBundle()
        let text = try bundle.output("grep -E 'CapEff' /proc/self/status; id -u") {
            $0.setCapabilities(["CAP_KILL"])
            $0["process.capabilities.inheritable"] = ["CAP_KILL"]
            $0["process.capabilities.ambient"] = ["CAP_KILL"]
            $0["process.user.uid"] = 1000
        }
        #expect(text == "CapEff:\t0000000000000020\n1000\n")
    }

    @Test(arguments: [true, false])
    func systemCallFilter(noNewPrivileges: Bool) throws {
        let bundle = try SkiffrunBundle()
        let text = try bundle.output("mkdir /tmp/x 2>&1; grep -E 'Seccomp:|NoNewPrivs' /proc/self/status") {
            $0["process.noNewPrivileges"] = noNewPrivileges
            $0["linux.seccomp"] = [
                "defaultAction": "SCMP_ACT_ALLOW",
                "syscalls": [["names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28]],
            ]
        }
        #expect(text.contains("No space left on device"))
        #expect(text.contains("Seccomp:\t2"))
        #expect(text.contains("NoNewPrivs:\t\(noNewPrivileges ? 1 : 0)"))
    }

    @Test func filterOfTheContainerHoldsForExecToo() throws {
        let bundle = try SkiffrunBundle()
        _ = try bundle.startSleeper {
            $0["linux.seccomp"] = [
                "defaultAction": "SCMP_ACT_ALLOW",
                "syscalls": [["names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28]],
            ]
        }
        #expect(try bundle.run("exec", "c", "mkdir", "/tmp/x").errorText.contains("No space left on device"))
    }

    @Test func userGroupsUmaskAndHome() throws {
        let bundle = try SkiffrunBundle()
        let text = try bundle.output("id -u; id -g; id -G; umask; echo $HOME; touch /tmp/f; stat -c %u:%a /tmp/f") {
            $0["process.user"] = ["uid": 1000, "gid": 1001, "additionalGids": [5, 6], "umask": 0o077]
            $0.addMount("/tmp", type: "tmpfs", source: "tmpfs", ["mode=1777"])
        }
        #expect(text.linesList == ["1000", "1001", "1001 5 6", "0077", "/home/ada", "1000:600"])
    }

    @Test func environmentTakesTheLastOfAName() throws {
        let bundle = try SkiffrunBundle()
        let text = try bundle.output("echo $A $HOME $SHLVL") {
            $0["process.env"] = ["PATH=/bin", "A=1", "A=2", "HOME="]
        }
        #expect(text == "2 /root 1\n")
    }

    @Test func resourceLimits() throws {
        let bundle = try SkiffrunBundle()
        let text = try bundle.output("ulimit -n; ulimit -Hn; ulimit -c") {
            $0["process.rlimits"] = [
                ["type": "RLIMIT_NOFILE", "soft": 100, "hard": 200], ["type": "RLIMIT_CORE", "soft": 0, "hard": 0],
            ]
        }
        #expect(text.linesList == ["100", "200", "0"])
    }

    @Test func workingDirectoryOfTheUserAlone() throws {
        let bundle = try SkiffrunBundle()
        try Syscall.makeDirectory("\(bundle.rootfs)/private", mode: 0o700)
        try Syscall.changeOwner("\(bundle.rootfs)/private", uid: 1000, gid: 1000)
        let text = try bundle.output("pwd") {
            $0["process.user"] = ["uid": 1000, "gid": 1000]
            $0["process.cwd"] = "/private"
        }
        #expect(text == "/private\n")
    }

    @Test func limitsAreInTheCgroup() throws {
        let bundle = try SkiffrunBundle()
        _ = try bundle.startSleeper {
            $0["linux.resources.memory"] = ["limit": 67_108_864]
            $0["linux.resources.pids"] = ["limit": 42]
            $0["linux.resources.cpu"] = ["quota": 20000, "period": 50000]
        }
        let cgroup = "\(bundle.cgroup)/c"
        let memory = try HostCgroups.value(cgroup, v1: ("memory", "memory.limit_in_bytes"), v2: "memory.max")
        #expect(memory == "67108864")
        #expect(try HostCgroups.value(cgroup, v1: ("pids", "pids.max"), v2: "pids.max") == "42")
        let quota = try HostCgroups.value(cgroup, v1: ("cpu", "cpu.cfs_quota_us"), v2: "cpu.max")
        #expect(quota == (HostCgroups.isUnified ? "20000 50000" : "20000"))
    }

    @Test func limitOfProcessesHolds() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(script: "sleep 1 & sleep 1 & sleep 1 & sleep 1 & wait; true") {
            $0["linux.resources.pids"] = ["limit": 3]
        }
        #expect(try bundle.run("run", "c").errorText.contains("can't fork"))
    }

    @Test func devicesThatAreNotAllowedCannotBeOpened() throws {
        let bundle = try SkiffrunBundle()
        let text = try bundle.output("head -c 1 /dev/zero | wc -c; head -c 1 /dev/kmsg 2>&1 | head -n 1") {
            $0.append("linux.devices", ["type": "c", "path": "/dev/kmsg", "major": 1, "minor": 11])
        }
        #expect(text.linesList.first?.trimmed == "1")
        #expect(text.contains("Operation not permitted"))
    }

    @Test func cgroupInUseIsRefused() throws {
        let bundle = try SkiffrunBundle()
        _ = try bundle.startSleeper("one")
        try bundle.configure(["true"]) { $0["linux.cgroupsPath"] = "\(bundle.cgroup)/one" }
        let result = try bundle.run("create", "two")
        #expect(result.errorText.contains("container's cgroup is not empty: 1 process(es) found"))
        // What was refused is left alone.
        #expect(try bundle.status("one") == "running")
    }

    @Test func descriptorsOfTheRuntimeDoNotLeak() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["ls", "/proc/self/fd"])
        // A descriptor of the caller that survives execution, as an engine might leak it.
        let shell = "exec 7</etc/passwd; exec \"$@\""
        let plan = ChildPlan(
            "/bin/busybox", ["busybox", "sh", "-c", shell, "sh", Program.skiffrun, "--root", bundle.root, "run", "c"],
            workingDirectory: bundle.path)
        guard let busybox = ChildPlan.find("busybox", path: "/bin:/usr/bin") else { return }
        var found = plan
        found.executable = busybox
        // 3 is the directory that ls reads.
        #expect(try CommandOutput.run(found).outputText == "0\n1\n2\n3\n")
    }

    @Test func preservedDescriptorsArePassedOn() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(script: "cat <&3")
        let file = "\(bundle.scratch)/file"
        try AtomicFile.write(file, "passed on\n")
        let busybox = try #require(ChildPlan.find("busybox", path: "/bin:/usr/bin"))
        let script = "exec 3<\(file); exec \"$@\""
        let plan = ChildPlan(
            busybox,
            [
                "busybox", "sh", "-c", script, "sh", Program.skiffrun, "--root", bundle.root, "run",
                "--preserve-fds", "1", "c",
            ], workingDirectory: bundle.path)
        #expect(try CommandOutput.run(plan).outputText == "passed on\n")
        #expect(
            try bundle.run("run", "--preserve-fds=9", "d").errorText.contains("please check that preserved-fd"))
    }
}
