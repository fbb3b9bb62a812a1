// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

/// The runtime in the hands of a user who has no rights on the host.
@Suite("skiffrun: without root", .requiresRoot)
struct SkiffrunRootlessTests {
    private func words(_ text: String) -> [[String]] {
        text.linesList.map { $0.split(separator: " ").map(String.init) }
    }

    @Test func ownIDAlone() throws {
        let lab = try RootlessLab()
        let text = try lab.output("cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups; touch /tmp/f; id -u")
        #expect(words(text) == [["0", "54321", "1"], ["0", "54321", "1"], ["deny"], ["0"]])
        #expect(try Syscall.status("\(lab.bundle.rootfs)/tmp/f").uid == RootlessLab.uid)
        #expect(try lab.run("list", "-q").outputText == "")
        try lab.configure(["true"]) { $0["process.user"] = ["uid": 0, "gid": 0, "additionalGids": [0]] }
        expect(
            try lab.run("run", "c"), 1,
            "skiffrun run failed: cannot set any additional groups in a rootless container\n")
    }

    @Test func subordinateIDs() throws {
        let lab = try RootlessLab()
        let text = try lab.output("cat /proc/self/uid_map /proc/self/gid_map; id -u; id -g; id -G; touch /tmp/f") {
            $0.mapSubordinateIDs()
            $0["process.user"] = ["uid": 7, "gid": 8, "additionalGids": [9]]
            $0["mounts"] =
                ($0["mounts"] as? [[String: Any]] ?? []) + [
                    ["destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777"]]
                ]
        }
        let map = [["0", "54321", "1"], ["1", "3000000", "10000"]]
        #expect(words(text) == map + map + [["7"], ["8"], ["8", "9"]])
    }

    @Test func idsOfOthersAreRefused() throws {
        let lab = try RootlessLab()
        try lab.configure(["true"]) {
            $0.mapSubordinateIDs()
            $0["linux.uidMappings"] = [["containerID": 0, "hostID": 0, "size": 10]]
        }
        expect(
            try lab.run("run", "c"), 1,
            "skiffrun run failed: map ids with newuidmap: newuidmap: uid range [0-10) -> [0-10) not allowed\n")
        try lab.configure(["true"]) {
            $0.setNamespace("user", path: nil, remove: true)
            $0["linux.uidMappings"] = nil
            $0["linux.gidMappings"] = nil
        }
        expect(try lab.run("run", "c"), 1, "skiffrun run failed: rootless container requires user namespaces\n")
        #expect(try lab.run("list", "-q").outputText == "")
    }

    @Test func lifeOfAContainer() throws {
        let lab = try RootlessLab()
        let pid = try lab.startSleeper { $0.mapSubordinateIDs() }
        #expect(try lab.run("state", "c").outputText.contains("\"owner\": \"lab\""))
        let exec = try lab.run(
            "exec", "-u", "5:6", "-g", "7", "c", "sh", "-c", "id -u; id -g; id -G; readlink /proc/self/ns/pid; tty")
        let namespace = try Syscall.readLink("/proc/\(pid)/ns/pid")
        #expect(exec.outputText.linesList == ["5", "6", "6 7", namespace, "not a tty"], "\(exec.errorText)")
        #expect(try lab.run("exec", "-t", "c", "tty").outputText == "/dev/pts/0\n")
        #expect(try lab.run("kill", "c", "KILL").status.isSuccess)
        try eventually("container ends") { try lab.run("state", "c").outputText.contains("stopped") }
        expect(try lab.run("delete", "c"), 0, "")
        try lab.configure(["sh", "-c", "echo started >/tmp/mark; sleep 1000"])
        expect(try lab.run("create", "c"), 0, "")
        expect(try lab.run("start", "c"), 0, "")
        try eventually("program runs") { Syscall.exists("\(lab.bundle.rootfs)/tmp/mark") }
        expect(try lab.run("delete", "--force", "c"), 0, "")
    }

    @Test func clocksAndJoinedNamespaces() throws {
        let lab = try RootlessLab()
        let pid = try lab.startSleeper {
            $0.setNamespace("time", path: nil)
            $0["linux.timeOffsets"] = ["monotonic": ["secs": 7881], "boottime": ["secs": 1337, "nanosecs": 5]]
        }
        let offsets = [["monotonic", "7881", "0"], ["boottime", "1337", "5"]]
        #expect(words(try lab.run("exec", "c", "cat", "/proc/self/timens_offsets").outputText) == offsets)
        try lab.configure([
            "sh", "-c", "cat /proc/self/timens_offsets; readlink /proc/self/ns/user; readlink /proc/self/ns/time",
        ]) {
            $0.setNamespace("user", path: "/proc/\(pid)/ns/user")
            $0.setNamespace("time", path: "/proc/\(pid)/ns/time")
        }
        let result = try lab.run("run", "d")
        let links = try ["user", "time"].map { [try Syscall.readLink("/proc/\(pid)/ns/\($0)")] }
        #expect(words(result.outputText) == offsets + links, "\(result.errorText)")
    }

    @Test func limitsNeedDelegation() throws {
        let lab = try RootlessLab()
        try lab.configure(["true"]) { $0["linux.resources"] = ["pids": ["limit": 5]] }
        let refused = try lab.run("run", "c")
        #expect(refused.errorText.contains("cannot set pids limit"), "\(refused.errorText)")
        // A cgroup that belongs to the user, with the user's shell in it.
        let parent = "/sys/fs/cgroup\(HostCgroups.isUnified ? "" : "/pids")\(lab.bundle.cgroup)"
        lab.preparation = """
            [ ! -e /sys/fs/cgroup/cgroup.subtree_control ] || echo +pids >/sys/fs/cgroup/cgroup.subtree_control
            mkdir -p \(parent)/shell && chown \(RootlessLab.uid) \(parent) \(parent)/cgroup.procs \(parent)/shell
            chown \(RootlessLab.uid) \(parent)/shell/cgroup.procs
            [ ! -e \(parent)/cgroup.subtree_control ] || echo +pids >\(parent)/cgroup.subtree_control
            echo $$ >\(parent)/shell/cgroup.procs
            """
        let inner = "\(lab.bundle.cgroup)\(HostCgroups.isUnified ? "" : "/shell")/inner"
        let text = try lab.output(
            "grep -E 'pids|^0:' /proc/self/cgroup; (sleep 1 & sleep 1 & sleep 1 & wait) 2>&1; true"
        ) {
            $0["linux.resources"] = ["pids": ["limit": 3]]
            $0["linux.cgroupsPath"] = "inner"
            $0.setNamespace("cgroup", path: nil, remove: true)
        }
        #expect(text.contains(inner), "\(text)")
        #expect(text.contains("can't fork"), "\(text)")
    }

    @Test func optionOfTheCommandLine() throws {
        let lab = try RootlessLab()
        try lab.configure(["true"])
        #expect(try lab.run("--rootless=true", "run", "c").status.isSuccess)
        #expect(try lab.run("--rootless", "auto", "run", "c").status.isSuccess)
        let result = try lab.run("--rootless=perhaps", "run", "c")
        #expect(result.errorText.contains("invalid value for --rootless"), "\(result.errorText)")
    }

    /// A copy of the program would cost more than all the rest; root's file needs none, one that the user owns does.
    @Test(arguments: [0, RootlessLab.uid])
    func programOfRootIsNotCopied(_ owner: UInt32) throws {
        let lab = try RootlessLab()
        try Syscall.changeOwner("\(lab.bundle.scratch)/skiffrun", uid: owner, gid: 0)
        let text = try lab.output("readlink /tmp/link") { configuration in
            let script = "busybox readlink /proc/$PPID/exe >\(lab.bundle.rootfs)/tmp/link"
            configuration["hooks.createRuntime"] = [["path": "/bin/busybox", "args": ["sh", "-c", script]]]
            configuration["process.args"] = ["cat", "/tmp/link"]
        }
        #expect(text.contains("memfd") == (owner != 0), "\(text)")
    }
}
