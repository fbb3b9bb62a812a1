// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Foundation
import Linux
import TestSupport
import Testing

/// `--systemd-cgroup` with the host's systemd, where that is the first process.
@Suite(.requiresRoot, .enabled(if: Syscall.exists("/run/systemd/system"), "systemd is the first process"))
struct SkiffrunSystemdTests {
    private let bundle: SkiffrunBundle
    /// A name that no other test uses.
    private let name: String
    private var scope: String { "test-\(name).scope" }
    private var inner: String { "/skiff.slice/skiff-test.slice/\(scope)" }
    /// On v1 the hierarchy in which systemd itself keeps the processes.
    private var directory: String { "/sys/fs/cgroup\(HostCgroups.isUnified ? "" : "/systemd")\(inner)" }

    init() throws {
        bundle = try SkiffrunBundle()
        name = String(bundle.cgroup.dropFirst())
    }

    private func configure(_ script: String, _ change: (inout Configuration) -> Void = { _ in }) throws {
        try bundle.configure(script: script) {
            $0["linux.cgroupsPath"] = "skiff-test.slice:test:\(name)"
            change(&$0)
        }
    }

    private func systemd(_ arguments: String...) throws -> CommandOutput {
        try bundle.run(["--systemd-cgroup"] + arguments)
    }

    private func show(_ property: String) throws -> String {
        let systemctl = try #require(ChildPlan.find("systemctl", path: "/bin:/usr/bin"))
        return try CommandOutput.run(
            ChildPlan(systemctl, ["systemctl", "show", "--value", "-p", property, scope], environment: []),
            timeoutMilliseconds: 60_000
        ).outputText.trimmed
    }

    @Test func `a container lives in a scope with its limits`() throws {
        try configure("sleep 1000") {
            $0["linux.resources.pids"] = ["limit": 33]
            $0["linux.resources.memory"] = ["limit": 64 << 20]
            $0["annotations"] = [
                "org.systemd.property.TimeoutStopSec": "uint64 7", "org.systemd.property.Description": "'a test'",
            ]
        }
        #expect(try systemd("create", "c").errorText == "")
        #expect(try show("Description") == "a test")
        #expect(try show("TimeoutStopUSec") == "7s")
        #expect(try show("TasksMax") == "33")
        #expect(try show("Slice") == "skiff-test.slice")
        #expect(
            try HostCgroups.value(inner, v1: ("memory", "memory.limit_in_bytes"), v2: "memory.max") == "\(64 << 20)")
        #expect(try systemd("start", "c").status.isSuccess)
        let pid = try #require(try bundle.state()["pid"] as? Int)
        #expect(try Syscall.readText("/proc/\(pid)/cgroup").linesList.allSatisfy { $0.hasSuffix(inner) })
        // Which driver made it is remembered.
        #expect(try bundle.run("exec", "c", "true").status.isSuccess)
        #expect(try bundle.run("pause", "c").status.isSuccess)
        #expect(try bundle.status() == "paused")
        #expect(try bundle.run("resume", "c").status.isSuccess)
        #expect(try bundle.run("delete", "--force", "c").errorText == "")
        #expect(!Syscall.exists(directory))
        #expect(try show("ActiveState") == "inactive")
        bundle.expectNothingLeft()
    }

    @Test func `the name is free after each container`() throws {
        try configure("cat /proc/self/cgroup")
        for _ in 0..<3 {
            let lines = try systemd("run", "c").outputText.linesList
            #expect(!lines.isEmpty && lines.allSatisfy { $0.hasSuffix(":/") }, "\(lines)")
        }
        try configure("exit 3")
        #expect(try systemd("run", "c").status == .exited(3))
        bundle.expectNothingLeft()
    }

    @Test(arguments: [
        ("/a/b", [:], "expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups"),
        ("a--b.slice::x", [:], "invalid slice name: a--b.slice"),
        (":p:a b", [:], "start systemd unit \"p-a b.scope\": "),
        ("", ["org.systemd.property.TimeoutStopSec": "what"], "value parse error"),
        ("", ["org.systemd.property.NoSuchThing": "true"], "NoSuchThing"),
    ])
    func `what systemd cannot do is told`(_ path: String, _ annotations: [String: String], _ text: String) throws {
        try configure("true") {
            $0["linux.cgroupsPath"] = path
            $0["annotations"] = annotations
        }
        let result = try systemd("run", "c")
        #expect(result.status == .exited(1))
        #expect(result.errorText.contains(text), "\(result.errorText)")
        bundle.expectNothingLeft()
    }

    @Test func `the message bus will do`() throws {
        guard Syscall.exists("/run/dbus/system_bus_socket") else { return }
        try configure("cat /proc/self/cgroup")
        let variable = "export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/dbus/system_bus_socket"
        let result = try bundle.run(after: variable, ["--cgroup-manager", "systemd", "run", "c"])
        #expect(result.outputText.linesList.last?.hasSuffix(":/") == true, "\(result.errorText)")
        bundle.expectNothingLeft()
    }
}

/// The systemd of the user of `RootlessLab`.
enum UserSystemd {
    static let folder = "/run/user/\(RootlessLab.uid)"
    static let cgroup =
        "/sys/fs/cgroup/user.slice/user-\(RootlessLab.uid).slice/user@\(RootlessLab.uid).service"
    /// Users have cgroups on v2 only.
    static var isThere: Bool { Syscall.exists("\(folder)/systemd/private") && HostCgroups.isUnified }
}

/// The same for a user without rights on the host, whose own systemd makes the scopes in what was delegated to it.
@Suite(.requiresRoot, .enabled(if: UserSystemd.isThere, "the user has a systemd"))
struct SkiffrunSystemdUserTests {
    @Test func `the user's systemd makes the scope`() throws {
        let lab = try RootlessLab(runtimeDirectory: UserSystemd.folder)
        // The caller is in the user's part already, as after a login.
        lab.preparation = """
            mkdir -p \(UserSystemd.cgroup)/caller && chown -R \(RootlessLab.uid) \(UserSystemd.cgroup)/caller &&
            echo $$ >\(UserSystemd.cgroup)/caller/cgroup.procs
            """
        try lab.configure(["sleep", "1000"]) {
            $0["linux.cgroupsPath"] = "skiff-test.slice:test:user"
            $0["linux.resources"] = ["pids": ["limit": 33], "memory": ["limit": 64 << 20]]
        }
        let result = try lab.run("--systemd-cgroup", "run", "-d", "c")
        #expect(result.errorText == "")
        let scope = "\(UserSystemd.cgroup)/skiff.slice/skiff-test.slice/test-user.scope"
        let pid = try Syscall.readText("\(scope)/cgroup.procs").trimmed
        #expect(try lab.run("state", "c").outputText.contains("\"pid\": \(pid),"))
        #expect(try Syscall.readText("\(scope)/pids.max").trimmed == "33")
        #expect(try Syscall.readText("\(scope)/memory.max").trimmed == "\(64 << 20)")
        expect(try lab.run("update", "--pids-limit", "44", "c"), 0, "")
        #expect(try Syscall.readText("\(scope)/pids.max").trimmed == "44")
        expect(try lab.run("delete", "--force", "c"), 0, "")
        #expect(!Syscall.exists(scope))
    }
}

/// What needs no systemd.
@Suite(.requiresRoot) struct SkiffrunCgroupManagerTests {
    private let bundle: SkiffrunBundle

    init() throws { bundle = try SkiffrunBundle() }

    @Test func `without a manager the container stays in the caller's cgroup`() throws {
        try bundle.configure(script: "sleep 1000") {
            $0["linux.cgroupsPath"] = nil
            $0["linux.resources"] = nil
        }
        let result = try bundle.run("--cgroup-manager=disabled", "run", "--detach", "c")
        #expect(result.errorText == "")
        let pid = try #require(try bundle.state()["pid"] as? Int)
        #expect(try Syscall.readText("/proc/\(pid)/cgroup") == Syscall.readText("/proc/self/cgroup"))
        #expect(try bundle.run("ps", "--format", "json", "c").outputText.trimmed == "[\(pid)]")
        #expect(try bundle.run("exec", "c", "true").status.isSuccess)
        #expect(try bundle.run("pause", "c").errorText.contains("cgroups are disabled"))
        #expect(try bundle.run("kill", "c", "KILL").status.isSuccess)
        try eventually("the container has stopped") { try bundle.status() == "stopped" }
        #expect(try bundle.run("delete", "c").status.isSuccess)
        bundle.expectNothingLeft()
    }

    @Test func `limits need cgroups, and managers have names`() throws {
        try bundle.configure(script: "true") { $0["linux.resources.pids"] = ["limit": 5] }
        let limited = try bundle.run("--cgroup-manager", "disabled", "run", "c")
        #expect(limited.errorText.contains("cannot set pids limit: cgroups are disabled"))
        let unknown = try bundle.run("--cgroup-manager", "other", "run", "c")
        #expect(unknown.errorText.contains("unknown cgroup manager specified \"other\""))
        bundle.expectNothingLeft()
    }
}
