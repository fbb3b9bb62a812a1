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
    private var directory: String { "/sys/fs/cgroup/skiff.slice/skiff-test.slice/\(scope)" }

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
        #expect(try Syscall.readText("\(directory)/memory.max").trimmed == "\(64 << 20)")
        #expect(try systemd("start", "c").status.isSuccess)
        let pid = try #require(try bundle.state()["pid"] as? Int)
        #expect(try Syscall.readText("/proc/\(pid)/cgroup").trimmed.hasSuffix("/skiff-test.slice/\(scope)"))
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
        for _ in 0..<3 { #expect(try systemd("run", "c").outputText.trimmed == "0::/") }
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
        #expect(result.outputText.trimmed == "0::/", "\(result.errorText)")
        bundle.expectNothingLeft()
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
