// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

@Suite("skiffrun: system call filters", .requiresRoot)
struct SkiffrunSeccompTests {
    /// Starts the runtime without waiting for its end.
    private func spawn(_ bundle: SkiffrunBundle, _ arguments: String...) throws -> ChildProcess {
        try ChildProcess(
            ChildPlan(
                Program.skiffrun, [Program.skiffrun, "--root", bundle.root] + arguments,
                environment: ["PATH=/bin:/usr/bin"], descriptors: [0, 1, 2], workingDirectory: bundle.path))
    }

    private func rules(_ action: String, _ more: [String: Any] = [:]) -> [String: Any] {
        let rule: [String: Any] = ["names": ["mkdir", "mkdirat"], "action": action]
        return ["defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]].merging(more) { $1 }
    }

    private func notifying(_ path: String) -> [String: Any] {
        rules(
            "SCMP_ACT_NOTIFY",
            [
                "listenerPath": path, "listenerMetadata": "for the agent",
                "flags": ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
            ])
    }

    @Test(arguments: [true, false])
    func listenerDecides(noNewPrivileges: Bool) throws {
        let bundle = try SkiffrunBundle()
        let receiver = try DescriptorReceiver("\(bundle.scratch)/agent")
        try bundle.configure(script: "mkdir /tmp/x 2>/tmp/answer; touch /tmp/done; sleep 1000") {
            $0["process.noNewPrivileges"] = noNewPrivileges
            $0["linux.seccomp"] = notifying(receiver.path)
            $0["annotations"] = ["color": "blue"]
        }
        let create = try spawn(bundle, "create", "c")
        let (state, agent) = try receiver.receiveState()
        #expect(try create.wait() == .exited(0))
        let inner = try #require(state["state"] as? [String: Any])
        #expect(state["fds"] as? [String] == ["seccompFd"])
        #expect(state["metadata"] as? String == "for the agent")
        #expect(state["pid"] as? Int == inner["pid"] as? Int)
        #expect(inner["status"] as? String == "creating")
        #expect(inner["id"] as? String == "c")
        #expect(inner["annotations"] as? [String: String] == ["color": "blue"])
        #expect(try bundle.state()["pid"] as? Int == inner["pid"] as? Int)
        try #require(try bundle.run("start", "c").status.isSuccess)
        // ENOSPC for mkdir(2), number 83.
        #expect(try agent.refuse(with: 28) == 83)
        try eventually("container goes on") { Syscall.exists("\(bundle.rootfs)/tmp/done") }
        #expect(try Syscall.readText("\(bundle.rootfs)/tmp/answer").contains("No space left on device"))
        let exec = try spawn(bundle, "exec", "c", "sh", "-c", "mkdir /tmp/y 2>/tmp/second; exit 3")
        let (second, secondAgent) = try receiver.receiveState()
        #expect((second["state"] as? [String: Any])?["status"] as? String == "running")
        #expect(second["pid"] as? Int != inner["pid"] as? Int)
        // EXDEV
        #expect(try secondAgent.refuse(with: 18) == 83)
        #expect(try exec.wait() == .exited(3))
        #expect(try Syscall.readText("\(bundle.rootfs)/tmp/second").contains("Invalid cross-device link"))
    }

    /// The container's process is never without its filter, so the receiver is told before it goes on.
    @Test func listenerOfAnAnnotation() throws {
        let bundle = try SkiffrunBundle()
        let receiver = try DescriptorReceiver("\(bundle.scratch)/agent")
        try bundle.configure(["mkdir", "/tmp/x"]) {
            $0["linux.seccomp"] = rules("SCMP_ACT_NOTIFY")
            $0["annotations"] = ["run.oci.seccomp.receiver": receiver.path]
        }
        let run = try spawn(bundle, "run", "c")
        let (state, agent) = try receiver.receiveState()
        #expect((state["state"] as? [String: Any])?["id"] as? String == "c")
        #expect(try agent.refuse(with: 28) == 83)
        #expect(try run.wait() == .exited(1))
        try bundle.configure(["true"]) { $0["annotations"] = ["run.oci.seccomp.plugins": "/a.so"] }
        let refused = try bundle.run("create", "c")
        #expect(
            refused.errorText.contains("annotation run.oci.seccomp.plugins")
                && refused.errorText.contains("is not supported"), "\(refused.errorText)")
    }

    @Test func absentListenerIsAnError() throws {
        let bundle = try SkiffrunBundle()
        let path = "\(bundle.scratch)/nobody"
        try bundle.configure(["true"]) { $0["linux.seccomp"] = notifying(path) }
        expect(
            try bundle.run("create", "c"), 1,
            "skiffrun create failed: connect to seccomp listener \"\(path)\": no such file or directory\n")
        bundle.expectNothingLeft()
    }

    @Test(arguments: [
        ("SCMP_ACT_KILL", 159), ("SCMP_ACT_KILL_THREAD", 159), ("SCMP_ACT_KILL_PROCESS", 159), ("SCMP_ACT_TRAP", 159),
        ("SCMP_ACT_LOG", 0), ("SCMP_ACT_ALLOW", 0), ("SCMP_ACT_ERRNO", 1), ("SCMP_ACT_TRACE", 1),
    ])
    func actions(_ action: String, _ status: Int32) throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["mkdir", "/tmp/x"]) {
            $0["linux.seccomp"] = rules(
                action,
                [
                    "flags": [
                        "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC",
                    ], "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
                ])
        }
        let result = try bundle.run("run", "c")
        #expect(result.status == .exited(status), "\(result.errorText)")
        // Without a tracer the call does not exist.
        if action == "SCMP_ACT_TRACE" { #expect(result.errorText.contains("Function not implemented")) }
        if action == "SCMP_ACT_ERRNO" { #expect(result.errorText.contains("Operation not permitted")) }
    }

    /// A program without exit_group(2) ends with whatever its C library does in despair.
    @Test func profileWithoutAnEndIsTold() throws {
        let bundle = try SkiffrunBundle()
        let warning = "the seccomp profile does not allow exit_group"
        try bundle.configure(["true"]) {
            $0["linux.seccomp"] = [
                "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [["names": ["exit_group"], "action": "SCMP_ACT_ERRNO"]],
            ]
        }
        #expect(try bundle.run("run", "c").errorText.contains(warning))
        #expect(try bundle.run("create", "d").errorText.contains(warning))
        try bundle.run("delete", "--force", "d")
        try bundle.configure(["true"]) { $0["linux.seccomp"] = rules("SCMP_ACT_ERRNO") }
        #expect(try bundle.run("run", "e").errorText == "")
    }

    @Test func unknownFlagIsRefused() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["true"]) { $0["linux.seccomp"] = rules("SCMP_ACT_ERRNO", ["flags": ["NO_SUCH_FLAG"]]) }
        let result = try bundle.run("run", "c")
        #expect(result.status == .exited(1))
        #expect(result.errorText.contains("linux.seccomp.flags[0]"), "\(result.errorText)")
        #expect(result.errorText.contains("NO_SUCH_FLAG"))
    }

    @Test func unknownCallsFailWhereAsked() throws {
        let bundle = try SkiffrunBundle()
        let rule: [String: Any] = ["names": ["no_such_call"], "action": "SCMP_ACT_ERRNO"]
        #expect(try bundle.output("echo here") { $0["linux.seccomp"] = rules("", ["syscalls": [rule]]) } == "here\n")
        try bundle.configure(["true"]) {
            $0["linux.seccomp"] = rules("", ["syscalls": [rule]])
            $0["annotations"] = ["run.oci.seccomp_fail_unknown_syscall": "1"]
        }
        expect(
            try bundle.run("run", "d"), 1, "skiffrun run failed: seccomp: unknown system call \"no_such_call\"\n")
    }

    /// struct sock_filter, eight bytes each: load the number; is it 83 (mkdir)? then ENOSPC; else allow.
    @Test func compiledProgram() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["mkdir", "/tmp/x"]) {
            $0["linux.seccomp"] = rules("SCMP_ACT_KILL")
            $0["annotations"] = [
                "run.oci.seccomp_bpf_data": "IAAAAAAAAAAVAAABUwAAAAYAAAAcAAUABgAAAAAA/38="
            ]
        }
        let result = try bundle.run("run", "c")
        #expect(result.status == .exited(1))
        #expect(result.errorText.contains("No space left on device"), "\(result.errorText)")
    }

    @Test func pidfdsAreSent() throws {
        let bundle = try SkiffrunBundle()
        let receiver = try DescriptorReceiver("\(bundle.scratch)/pidfd")
        let other = try DescriptorReceiver("\(bundle.scratch)/other")
        try bundle.configure(["sleep", "1000"]) { $0["annotations"] = ["run.oci.pidfd_receiver": other.path] }
        let create = try spawn(bundle, "create", "--pidfd-socket", receiver.path, "c")
        let (text, first) = try receiver.receive()
        let (_, second) = try other.receive()
        #expect(try create.wait() == .exited(0))
        #expect(String(decoding: text, as: UTF8.self) == "pidfd")
        let pid = try #require(try bundle.state()["pid"] as? Int)
        for descriptor in [first, second] {
            let information = try Syscall.readText("/proc/self/fdinfo/\(descriptor.rawValue)")
            #expect(information.contains("\nPid:\t\(pid)\n"))
        }
        try #require(try bundle.run("start", "c").status.isSuccess)
        let pidFile = "\(bundle.scratch)/pid"
        let exec = try spawn(
            bundle, "exec", "-d", "--pid-file", pidFile, "--pidfd-socket", receiver.path, "c", "sleep", "99")
        let (_, third) = try receiver.receive()
        #expect(try exec.wait() == .exited(0))
        let information = try Syscall.readText("/proc/self/fdinfo/\(third.rawValue)")
        #expect(information.contains("\nPid:\t\(try Syscall.readText(pidFile))\n"))
    }
}
