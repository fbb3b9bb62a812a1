// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

/// Failures on the way, who hears of them, and what is left.
@Suite("skiffrun: errors on the way", .requiresRoot)
struct SkiffrunErrorTests {
    private func busybox() throws -> String { try #require(ChildPlan.find("busybox", path: "/bin:/usr/bin")) }

    @Test func failureAfterStartGoesToTheContainersErrors() throws {
        let bundle = try SkiffrunBundle()
        try Executable.write("\(bundle.rootfs)/bin/bad", "garbage")
        try bundle.configure(["/bin/bad"])
        let errors = "\(bundle.scratch)/errors"
        #expect(try bundle.run(after: "exec 2>\(errors)", ["create", "c"]).status.isSuccess)
        #expect(try bundle.run("start", "c").status.isSuccess)
        try eventually("container stops") { try bundle.status() == "stopped" }
        #expect(try Syscall.readText(errors) == "skiffrun: exec \"/bin/bad\": exec format error\n")
    }

    @Test func failingStartContainerHookIsTold() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["true"]) { $0["hooks.startContainer"] = [["path": "/bin/false"]] }
        let errors = "\(bundle.scratch)/errors"
        #expect(try bundle.run(after: "exec 2>\(errors)", ["create", "c"]).status.isSuccess)
        #expect(try bundle.run("start", "c").status.isSuccess)
        try eventually("container stops") { try bundle.status() == "stopped" }
        #expect(try Syscall.readText(errors).contains("skiffrun: error running startContainer hook #0: exit status 1"))
    }

    @Test(arguments: ["run", "create"])
    func filterOfTheProtocolsCalls(_ command: String) throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(script: "touch /tmp/mark") {
            $0["process.noNewPrivileges"] = false
            $0["linux.seccomp"] = [
                "defaultAction": "SCMP_ACT_ALLOW",
                "syscalls": [
                    [
                        "names": ["sendmsg", "recvmsg", "sendto", "recvfrom", "poll", "ppoll", "prlimit64"],
                        "action": "SCMP_ACT_ERRNO",
                    ]
                ],
            ]
            $0["process.rlimits"] = [["type": "RLIMIT_NOFILE", "soft": 100, "hard": 200]]
        }
        try #require(try bundle.run(command, "c").errorText == "")
        if command == "create" { try #require(try bundle.run("start", "c").errorText == "") }
        try eventually("program runs") { Syscall.exists("\(bundle.rootfs)/tmp/mark") }
    }

    @Test func outputThatNobodyReadsEndsNothing() throws {
        let bundle = try SkiffrunBundle()
        let script = "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done; touch /tmp/mark; exit 7"
        try bundle.configure(script: script) { $0["process.terminal"] = true }
        let status = "\(bundle.scratch)/status"
        let pipeline = "run() { \"$@\"; echo $? >\(status); }; run \"$@\" | head -n 1; exit"
        #expect(try bundle.run(after: pipeline, ["run", "c"]).outputText == "line 0\n")
        #expect(try Syscall.readText(status) == "7\n")
        #expect(Syscall.exists("\(bundle.rootfs)/tmp/mark"))
        bundle.expectNothingLeft()
    }

    @Test func hooksHaveTheCallersMask() throws {
        let bundle = try SkiffrunBundle()
        let log = "\(bundle.scratch)/log"
        let hook: [String: Any] = ["path": try busybox(), "args": ["sh", "-c", "umask >>\(log)"]]
        try bundle.configure(script: "umask") {
            for kind in ["createRuntime", "createContainer", "poststop"] { $0["hooks.\(kind)"] = [hook] }
        }
        #expect(try bundle.run(after: "umask 027", ["run", "c"]).outputText == "0022\n")
        #expect(try Syscall.readText(log) == "0027\n0027\n0027\n")
    }

    @Test func poststopHooksAllRun() throws {
        let bundle = try SkiffrunBundle()
        let mark = "\(bundle.scratch)/mark"
        let busybox = try busybox()
        let hooks: [[String: Any]] = [
            ["path": busybox, "args": ["false"]], ["path": busybox, "args": ["touch", mark]],
        ]
        try bundle.configure(["true"]) { $0["hooks.poststop"] = hooks }
        let result = try bundle.run("run", "c")
        #expect(result.status.isSuccess)
        #expect(result.errorText.contains("error running poststop hook #0: exit status 1"))
        #expect(Syscall.exists(mark))
        // Also where a hook fails that comes earlier: it may have done half of its work.
        try Syscall.removeFile(mark)
        try bundle.configure(["true"]) {
            $0["hooks.createRuntime"] = [hooks[0]]
            $0["hooks.poststop"] = hooks
        }
        #expect(try bundle.run("create", "c").status == .exited(1))
        #expect(Syscall.exists(mark))
        bundle.expectNothingLeft()
    }

    @Test func failedExecutionLeavesNoPidFile() throws {
        let bundle = try SkiffrunBundle()
        let pidFile = "\(bundle.scratch)/pid"
        try Executable.write("\(bundle.rootfs)/bin/bad", "garbage")
        try bundle.configure(["/bin/bad"])
        expect(
            try bundle.run("run", "-d", "--pid-file", pidFile, "c"), 1,
            "skiffrun run failed: exec \"/bin/bad\": exec format error\n")
        #expect(!Syscall.exists(pidFile))
        bundle.expectNothingLeft()
    }

    /// Who does not care for the number names /dev/null, which must outlive that.
    @Test func pidFileThatIsADeviceStays() throws {
        let bundle = try SkiffrunBundle()
        let null = "\(bundle.scratch)/null"
        try Syscall.makeNode(null, mode: 0o020666, device: DeviceNumber(major: 1, minor: 3))
        try Executable.write("\(bundle.rootfs)/bin/bad", "garbage")
        try bundle.configure(["/bin/bad"])
        #expect(try bundle.run("run", "-d", "--pid-file", null, "c").status == .exited(1))
        #expect(try Syscall.status(null).kind == .character)
        try bundle.configure(["sleep", "1000"])
        #expect(try bundle.run("run", "-d", "--pid-file", null, "c").status.isSuccess)
        #expect(try bundle.run("exec", "-d", "--pid-file", null, "c", "sleep", "1000").status.isSuccess)
        #expect(try bundle.run("exec", "-d", "--pid-file", null, "c", "nothere").status == .exited(255))
        #expect(try Syscall.status(null).kind == .character)
    }

    @Test func damagedRecordIsRemovedByForce() throws {
        let bundle = try SkiffrunBundle()
        let pid = try bundle.startSleeper()
        try AtomicFile.write("\(bundle.root)/c/status", "")
        #expect(try bundle.run("delete", "c").status == .exited(1))
        expect(try bundle.run("delete", "--force", "c"), 0, "")
        #expect((try? ProcStat(pid).isDead) ?? true)
        bundle.expectNothingLeft()
    }

    @Test func limitsBindTheProgramOnly() throws {
        let bundle = try SkiffrunBundle()
        let text = try bundle.output("echo $HOME; ulimit -n") {
            $0["process.user"] = ["uid": 1000, "gid": 1000]
            $0["process.rlimits"] = [["type": "RLIMIT_NOFILE", "soft": 4, "hard": 4]]
        }
        #expect(text == "/home/ada\n4\n")
    }

    @Test func memoryThatDoesNotSufficeIsNamed() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["true"]) { $0["linux.resources.memory"] = ["limit": 4096] }
        let result = try bundle.run("run", "c")
        #expect(result.status == .exited(1))
        #expect(
            result.errorText.contains("container init was OOM-killed (memory limit too low?)"), "\(result.errorText)")
        bundle.expectNothingLeft()
    }

    @Test func propagationOfTheRoot() throws {
        let bundle = try SkiffrunBundle()
        let text = try bundle.output("cat /proc/self/mountinfo") {
            $0["linux.rootfsPropagation"] = "shared"
        }
        let root = text.linesList.first { $0.split(separator: " ").dropFirst(4).first == "/" }
        #expect(root?.contains(" shared:") == true, "\(text)")
        #expect(try bundle.output("true") { $0["linux.rootfsPropagation"] = "unbindable" } == "")
        bundle.expectNothingLeft()
    }

    @Test func cgroupOptionsOfExec() throws {
        let bundle = try SkiffrunBundle()
        _ = try bundle.startSleeper()
        #expect(try bundle.run("exec", "--cgroup", "memroy:x", "c", "true").errorText.contains("memroy"))
        #expect(try bundle.run("exec", "--cgroup", "x", "--cgroup", "y", "c", "true").status == .exited(255))
        #expect(try bundle.run("exec", "--cgroup", "/", "c", "true").status.isSuccess)
    }

    @Test func rootThatIsALink() throws {
        let bundle = try SkiffrunBundle()
        try Syscall.makeSymlink("bundle/rootfs", "\(bundle.scratch)/link")
        let text = try bundle.output("echo here") { $0["root.path"] = "\(bundle.scratch)/link" }
        #expect(text == "here\n")
    }

    @Test func activationSocketsArePassedOn() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(script: "echo $LISTEN_FDS $LISTEN_PID $LISTEN_FDNAMES; cat <&3")
        let file = "\(bundle.scratch)/file"
        try AtomicFile.write(file, "passed on\n")
        let result = try bundle.run(
            after: "exec 3<\(file); export LISTEN_FDS=1 LISTEN_PID=$$ LISTEN_FDNAMES=web", ["run", "c"])
        #expect(result.outputText == "1 1 web\npassed on\n", "\(result.errorText)")
        let other = try bundle.run(after: "export LISTEN_FDS=1 LISTEN_PID=1", ["run", "c"])
        #expect(!other.outputText.contains("1"))
    }
}
