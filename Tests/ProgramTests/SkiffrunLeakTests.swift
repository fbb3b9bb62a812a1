// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Foundation
import Linux
import TestSupport
import Testing

/// What of the host a container must not get: descriptors, directories, rights, cgroups, other containers' state.
@Suite("skiffrun: nothing of the host", .requiresRoot)
struct SkiffrunLeakTests {
    /// A caller that leaks a directory and a file.
    private func leaking(_ bundle: SkiffrunBundle) -> String { "exec 7</etc/passwd 9<\(bundle.scratch)" }

    @Test func descriptorsOfProgramAndHooks() throws {
        let bundle = try SkiffrunBundle()
        let busybox = try #require(ChildPlan.find("busybox", path: "/bin:/usr/bin"))
        let log = "\(bundle.scratch)/log"
        try bundle.configure(["ls", "/proc/self/fd"]) {
            for kind in ["prestart", "createRuntime", "createContainer", "poststart", "poststop"] {
                let script = "echo \(kind) $(\(busybox) ls /proc/self/fd) >>\(log)"
                $0["hooks.\(kind)"] = [["path": busybox, "args": ["sh", "-c", script]]]
            }
            $0["hooks.startContainer"] = [
                ["path": "/bin/sh", "args": ["sh", "-c", "ls /proc/self/fd >/tmp/log"], "env": ["PATH=/bin"]]
            ]
        }
        let result = try bundle.run(after: leaking(bundle), ["run", "c"])
        // 3 is the directory that ls reads.
        #expect(result.outputText == "0\n1\n2\n3\n", "\(result.errorText)")
        #expect(try Syscall.readText("\(bundle.rootfs)/tmp/log") == "0\n1\n2\n3\n")
        for line in try Syscall.readText(log).linesList { #expect(line.hasSuffix(" 0 1 2 3"), "\(line)") }
        #expect(try Syscall.readText(log).linesList.count == 5)
        _ = try bundle.startSleeper()
        #expect(
            try bundle.run(after: leaking(bundle), ["exec", "c", "ls", "/proc/self/fd"]).outputText == "0\n1\n2\n3\n")
    }

    /// Hooks of the container's mount namespace may run for long; a neighbour with CAP_SYS_PTRACE sees the process then.
    @Test func procOfTheHostIsClosedEarly() throws {
        let bundle = try SkiffrunBundle()
        let busybox = try #require(ChildPlan.find("busybox", path: "/bin:/usr/bin"))
        let log = "\(bundle.scratch)/log"
        // The host's /proc is there still, and tells the host's number of the hook's parent.
        let script = """
            while read key value; do [ "$key" = PPid: ] && parent=$value; done </proc/self/status
            for f in /proc/$parent/fd/*; do \(busybox) readlink $f; done >\(log)
            true
            """
        try bundle.configure(["true"]) {
            $0["linux.sysctl"] = ["net.ipv4.ip_forward": "1"]
            $0["hooks.createContainer"] = [["path": busybox, "args": ["sh", "-c", script]]]
        }
        let result = try bundle.run("run", "c")
        #expect(result.status.isSuccess, "\(result.errorText)")
        let open = try Syscall.readText(log).linesList
        #expect(open.contains { $0.hasPrefix("pipe:") }, "\(open)")
        #expect(!open.contains { $0.hasPrefix("/proc") }, "\(open)")
    }

    /// CVE-2024-21626.
    @Test func workingDirectoryOfTheHost() throws {
        let bundle = try SkiffrunBundle()
        try Syscall.makeSymlink("/proc/self/fd/9", "\(bundle.rootfs)/work")
        let directories = ["/work"] + (3...12).map { "/proc/self/fd/\($0)" }
        for directory in directories {
            try bundle.configure(["ls"]) { $0["process.cwd"] = directory }
            let result = try bundle.run(after: leaking(bundle), ["run", "c"])
            #expect(result.status == .exited(1), "\(directory) \(result.outputText)")
            #expect(result.outputText == "")
        }
        _ = try bundle.startSleeper()
        for directory in directories {
            let result = try bundle.run(after: leaking(bundle), ["exec", "--cwd", directory, "c", "ls"])
            #expect(result.status == .exited(255), "\(directory) \(result.outputText)")
            #expect(result.outputText == "")
        }
    }

    /// CVE-2022-29162: inheritable capabilities would come alive in programs with file capabilities.
    @Test func inheritableCapabilitiesOfExec() throws {
        let bundle = try SkiffrunBundle()
        _ = try bundle.startSleeper()
        for options in [[], ["--cap", "CAP_KILL", "--cap", "CAP_NET_RAW"]] {
            let result = try bundle.run(["exec"] + options + ["c", "grep", "-E", "Cap(Inh|Amb)", "/proc/self/status"])
            #expect(result.outputText == "CapInh:\t0000000000000000\nCapAmb:\t0000000000000000\n")
        }
    }

    /// CVE-2025-52881: what the image has at /proc is not the kernel's.
    @Test func sysctlsAreNotWrittenToTheImage() throws {
        let bundle = try SkiffrunBundle()
        let trap = "\(bundle.rootfs)/proc/sys/net/ipv4"
        try Syscall.makeDirectories(trap)
        try AtomicFile.write("\(trap)/ip_forward", "trap\n")
        let text = try bundle.output("cat /mnt/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/ip_forward") {
            $0["linux.sysctl"] = ["net.ipv4.ip_forward": "1"]
            $0["linux.maskedPaths"] = nil
            $0["linux.readonlyPaths"] = nil
            $0["mounts"] = [["destination": "/mnt", "type": "proc", "source": "proc"]]
        }
        #expect(text == "1\ntrap\n")
    }

    @Test(arguments: ["../../x", "/..", "/a/../../b", "a/../../../b"])
    func cgroupsOfOthers(_ path: String) throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["true"]) { $0["linux.cgroupsPath"] = path }
        let result = try bundle.run("create", "c")
        #expect(result.errorText.contains("cgroup path \"\(path)\": leads out of the hierarchy"), "\(result.errorText)")
        bundle.expectNothingLeft()
        _ = try bundle.startSleeper()
        for option in [path, "memory:\(path)"] {
            let exec = try bundle.run("exec", "--cgroup", option, "c", "true")
            #expect(exec.status == .exited(255))
            #expect(exec.errorText.contains("leads out of the hierarchy"))
        }
    }

    @Test(arguments: ["../c", "a/b", ".", "..", "", "a b", "a\nb", "é", String(repeating: "x", count: 1025)])
    func namesThatAreNone(_ id: String) throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["true"])
        for command in ["create", "run", "start", "state", "kill", "delete", "exec", "ps", "pause", "resume"] {
            let words = command == "exec" ? [command, id, "true"] : [command, id]
            let result = try bundle.run(words)
            #expect(!result.status.isSuccess, "\(words)")
            #expect(
                result.errorText.contains(id.isEmpty ? "container id cannot be empty" : "invalid container ID format"))
        }
        #expect(try bundle.run("delete", "--force", id).status == .exited(1))
        #expect(!Syscall.exists("\(bundle.scratch)/c"))
    }

    /// Records that the runtime did not write.
    @Test func stateOfOthers() throws {
        let bundle = try SkiffrunBundle()
        let pid = try bundle.startSleeper()
        let file = "\(bundle.root)/c/status"
        let record = try Syscall.readText(file)
        func refused(_ text: String, _ message: String, uid: UInt32 = 0) throws {
            try AtomicFile.write(file, text, mode: 0o600)
            try Syscall.changeOwner(file, uid: uid, gid: 0)
            for command in ["state", "kill", "delete", "start"] {
                let result = try bundle.run(command, "c")
                #expect(result.errorText.contains(message), "\(command): \(result.errorText)")
            }
        }
        try refused(
            record.replacingOccurrences(of: "\"id\":\"c\"", with: "\"id\":\"../c\""), "is that of another container")
        try refused(record, "is not the caller's", uid: 1000)
        let other = "\(bundle.scratch)/other"
        try Syscall.makeDirectories("\(other)/inner")
        let cgroup = "/sys/fs/cgroup"
        try refused(
            record.replacingOccurrences(
                of: "\"directory\":\"\(cgroup)", with: "\"directory\":\"\(cgroup)/../../..\(other)"),
            "is no cgroup")
        try refused(record.replacingOccurrences(of: cgroup, with: other), "is no cgroup")
        #expect(Syscall.exists("\(other)/inner"))
        // A process of the same number that began at another time is somebody else.
        try AtomicFile.write(file, record.replacingOccurrences(of: "\"pid\":\(pid)", with: "\"pid\":1"), mode: 0o600)
        #expect(try bundle.status() == "stopped")
        #expect(try bundle.run("kill", "c", "KILL").errorText == "container not running\n")
        try AtomicFile.write(file, record, mode: 0o600)
        #expect(try bundle.status() == "running")
    }

    @Test func logIsNotAPreservedDescriptor() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["true"])
        let result = try bundle.run(
            after: "exec 3<&-", ["--log", "\(bundle.scratch)/log", "run", "--preserve-fds", "1", "c"])
        #expect(result.status == .exited(1))
        #expect(
            result.errorText.contains("please check that preserved-fd 0 (of 1) is present: descriptor 3 is not open"))
    }
}
