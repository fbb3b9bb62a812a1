// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Foundation
import Linux
import TestSupport
import Testing

/// An engine whose cgroups systemd makes, where that is the first process. Its pods are on the host's network.
@Suite(.requiresRoot, .enabled(if: Syscall.exists("/run/systemd/system"), "systemd is the first process"), .serialized)
final class SkiffdSystemdTests {
    private let folder: TemporaryDirectory
    private var daemon: (pid: Int32, pidfd: SharedPidFD)?
    private var path: String { folder.path }

    init() throws {
        folder = try TemporaryDirectory()
        let text = """
            root = "\(path)/root"
            run = "\(path)/run"
            [runtime]
            cgroup_parent = "pods.slice"
            [image]
            policy = "\(path)/policy.json"
            """
        try AtomicFile.write("\(path)/skiff.toml", text)
        try pullImage()
        try startDaemon()
    }

    deinit {
        if let daemon {
            try? daemon.pidfd.pidfd.send(.kill)
            _ = try? daemon.pidfd.pidfd.reap()
        }
    }

    private func pullImage() throws {
        let busybox = try #require(ChildPlan.find("busybox", path: "/bin:/usr/bin"))
        var tar = TarBuilder()
        tar.add("bin/", type: "5", mode: 0o755)
        tar.add("bin/busybox", content: try Syscall.readFile(busybox), mode: 0o755)
        for applet in ["sh", "sleep", "cat"] { tar.add("bin/\(applet)", type: "2", link: "busybox") }
        var layout = try LayoutBuilder("\(path)/layout")
        try layout.add([.init(tar)])
        _ = try succeed(
            "skiffimg", "pull", "oci:\(path)/layout", "--name", "test/box", "--config", "\(path)/skiff.toml")
    }

    private func startDaemon() throws {
        let program = try SkiffmonPod.program("skiffd")
        daemon = try ChildProcess(
            ChildPlan(program, [program, "--config", "\(path)/skiff.toml"], descriptors: [nil, nil, 2])
        ).detach()
        try eventually("skiffd answers") { try run("skiffctl", ["version"]).status.isSuccess }
    }

    private func run(_ name: String, _ words: [String]) throws -> CommandOutput {
        let program = try SkiffmonPod.program(name)
        let place = name == "skiffctl" ? ["-r", "unix://\(path)/run/skiffd.sock"] : []
        return try CommandOutput.run(ChildPlan(program, [program] + place + words), timeoutMilliseconds: 300_000)
    }

    private func succeed(_ name: String, _ words: String...) throws -> String {
        let output = try run(name, words)
        try #require(output.status == .exited(0), "\(name) \(words): \(output.errorText)")
        return output.outputText.trimmed
    }

    private func show(_ unit: String, _ property: String) throws -> String {
        let systemctl = try #require(ChildPlan.find("systemctl", path: "/bin:/usr/bin"))
        return try CommandOutput.run(
            ChildPlan(systemctl, ["systemctl", "show", "--value", "-p", property, unit], environment: []),
            timeoutMilliseconds: 60_000
        ).outputText.trimmed
    }

    private func runPod(parent: String = "") throws -> String {
        let pod = """
            {"metadata": {"name": "box", "namespace": "n", "uid": "u"}, "log_directory": "\(path)/logs",
             "linux": {"cgroup_parent": "\(parent)", "security_context": {"namespace_options": {"network": 2}}}}
            """
        try AtomicFile.write("\(path)/pod.json", pod)
        return try succeed("skiffctl", "runp", "\(path)/pod.json")
    }

    private func runContainer(_ pod: String, _ script: String) throws -> String {
        let container = """
            {"metadata": {"name": "c"}, "image": {"image": "test/box"}, "command": ["sh", "-c", "\(script)"],
             "log_path": "c.log", "linux": {"resources": {"memory_limit_in_bytes": 67108864, "cpu_quota": 50000,
             "cpu_period": 100000}}}
            """
        try AtomicFile.write("\(path)/container.json", container)
        let id = try succeed("skiffctl", "create", pod, "\(path)/container.json", "\(path)/pod.json")
        _ = try succeed("skiffctl", "start", id)
        return id
    }

    private func processes(_ cgroup: String) throws -> [String] {
        // On v1 the hierarchy in which systemd itself keeps the processes.
        try Syscall.readText("/sys/fs/cgroup\(HostCgroups.isUnified ? "" : "/systemd")\(cgroup)/cgroup.procs").linesList
    }

    @Test func `a pod is a slice, its monitor and containers are scopes`() throws {
        #expect(try succeed("skiffctl", "info").contains("\"cgroupDriver\": \"systemd\""))
        let pod = try runPod()
        let slice = "pods-\(pod).slice"
        let (monitor, place) = ("skiff-monitor-\(pod).scope", "/pods.slice/\(slice)")
        #expect(try show(monitor, "Description") == "Skiff's monitor of pod \(pod)")
        #expect(try processes("\(place)/\(monitor)").count == 1)
        let container = try runContainer(pod, "sleep 1000")
        let scope = "skiff-\(container).scope"
        #expect(try show(scope, "Slice") == slice)
        #expect(try show(scope, "CPUQuotaPerSecUSec") == "500ms")
        #expect(
            try HostCgroups.value("\(place)/\(scope)", v1: ("memory", "memory.limit_in_bytes"), v2: "memory.max")
                == "67108864")
        #expect(try processes("\(place)/\(scope)").count == 1)
        // An exec joins the container's scope; new limits reach systemd too.
        #expect(try succeed("skiffctl", "exec", "-s", container, "cat", "/proc/self/cgroup").contains("0::/"))
        _ = try succeed("skiffctl", "update", "--memory", "33554432", container)
        #expect(try show(scope, HostCgroups.isUnified ? "MemoryMax" : "MemoryLimit") == "33554432")
        #expect(try succeed("skiffctl", "statsp", pod).contains("box"))

        // Another daemon finds them, and ends all of it.
        let old = try #require(daemon)
        try old.pidfd.pidfd.send(.kill)
        _ = try old.pidfd.pidfd.reap()
        try startDaemon()
        #expect(try succeed("skiffctl", "ps", "-q") == container)
        _ = try succeed("skiffctl", "rmp", "-f", pod)
        for unit in [scope, monitor, slice, "pods.slice"] { #expect(try show(unit, "ActiveState") == "inactive") }
        #expect(!Syscall.exists("/sys/fs/cgroup\(HostCgroups.isUnified ? "" : "/systemd")/pods.slice"))
    }

    @Test func `kubelet's slice stays kubelet's`() throws {
        let pod = try runPod(parent: "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod7.slice")
        let place = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod7.slice"
        let container = try runContainer(pod, "exit 3")
        try eventually("the container ends") { try succeed("skiffctl", "ps", "-a").contains("Exited") }
        #expect(try processes("\(place)/skiff-monitor-\(pod).scope").count == 1)
        _ = try succeed("skiffctl", "rmp", "-f", pod)
        #expect(try show("skiff-\(container).scope", "ActiveState") == "inactive")
        #expect(try show("kubepods-burstable-pod7.slice", "ActiveState") == "active")
        let systemctl = try #require(ChildPlan.find("systemctl", path: "/bin:/usr/bin"))
        _ = try CommandOutput.run(
            ChildPlan(systemctl, ["systemctl", "stop", "kubepods.slice"], environment: []), timeoutMilliseconds: 60_000)
    }

    @Test func `a path is no parent`() throws {
        try AtomicFile.write(
            "\(path)/pod.json", #"{"metadata": {"name": "box"}, "linux": {"cgroup_parent": "/pods"}}"#)
        let output = try run("skiffctl", ["runp", "\(path)/pod.json"])
        #expect(output.errorText.contains("use cgroup parent \"/pods\": it is no slice"))
        #expect(!output.status.isSuccess)
    }
}
