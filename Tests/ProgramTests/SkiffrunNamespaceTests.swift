// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

@Suite("skiffrun: namespaces", .requiresRoot)
struct SkiffrunNamespaceTests {
    private func namespace(_ kind: String, of process: String = "self") throws -> String {
        try Syscall.readLink("/proc/\(process)/ns/\(kind)")
    }

    @Test func newNamespacesAreNotTheHosts() throws {
        let bundle = try SkiffrunBundle()
        let kinds = ["mnt", "pid", "net", "uts", "ipc", "cgroup"]
        let text = try bundle.output("for k in \(kinds.joined(separator: " ")); do readlink /proc/self/ns/$k; done")
        for (kind, inside) in zip(kinds, text.linesList) { #expect(try namespace(kind) != inside, "\(kind)") }
        #expect(text.linesList.count == kinds.count)
    }

    @Test func namesAndLoopback() throws {
        let bundle = try SkiffrunBundle()
        let text = try bundle.output("hostname; cat /proc/sys/kernel/domainname; cat /sys/class/net/lo/flags") {
            $0["hostname"] = "boat"
            $0["domainname"] = "sea"
        }
        // 0x9: up and loopback.
        #expect(text.linesList == ["boat", "sea", "0x9"])
    }

    @Test func sysctlsOfItsOwnNamespaces() throws {
        let bundle = try SkiffrunBundle()
        let host = try Syscall.readText("/proc/sys/kernel/shmmni")
        let text = try bundle.output("cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmni") {
            $0["linux.sysctl"] = ["net.ipv4.ip_forward": "1", "kernel/shmmni": "1234"]
        }
        #expect(text == "1\n1234\n")
        #expect(try Syscall.readText("/proc/sys/kernel/shmmni") == host)
    }

    @Test func namespacesOfAnotherContainerAreJoined() throws {
        let bundle = try SkiffrunBundle()
        let first = try bundle.startSleeper("first") { $0["hostname"] = "pod" }
        try bundle.configure(script: "hostname; for k in net uts ipc; do readlink /proc/self/ns/$k; done") {
            $0["hostname"] = nil
            for (kind, file) in [("network", "net"), ("uts", "uts"), ("ipc", "ipc")] {
                $0.setNamespace(kind, path: "/proc/\(first)/ns/\(file)")
            }
        }
        let result = try bundle.run("run", "c")
        let expected = try ["net", "uts", "ipc"].map { try namespace($0, of: "\(first)") }
        #expect(result.outputText.linesList == ["pod"] + expected)
    }

    @Test func sharedPIDNamespace() throws {
        let bundle = try SkiffrunBundle()
        let first = try bundle.startSleeper("first")
        let second = try bundle.startSleeper("second") { $0.setNamespace("pid", path: "/proc/\(first)/ns/pid") }
        #expect(try namespace("pid", of: "\(first)") == namespace("pid", of: "\(second)"))
        // A process that the second one leaves does not end with it, but with its cgroup.
        #expect(try bundle.run("exec", "--detach", "second", "sleep", "2000").status.isSuccess)
        #expect(try bundle.run("ps", "-f", "json", "second").outputText.split(separator: ",").count == 2)
        #expect(try bundle.run("delete", "--force", "second").status.isSuccess)
        #expect(try bundle.status("first") == "running")
        #expect(try bundle.run("ps", "first").outputText.linesList.count == 2)
        #expect(try bundle.run("exec", "first", "ps").outputText.contains("2000") == false)
    }

    @Test(arguments: [true, false])
    func endedPIDNamespaceIsNamed(mountsProc: Bool) throws {
        let bundle = try SkiffrunBundle()
        let first = try bundle.startSleeper("first")
        let held = try Syscall.open("/proc/\(first)/ns/pid", .readOnly)
        #expect(try bundle.run("delete", "--force", "first").status.isSuccess)
        try bundle.configure(["true"]) {
            $0.setNamespace("pid", path: "/proc/\(Syscall.processID)/fd/\(held.rawValue)")
            if !mountsProc { $0["mounts"] = [Any]() }
        }
        let result = try bundle.run("run", "c")
        #expect(result.status == .exited(1))
        #expect(result.errorText.contains("has the first process of the PID namespace ended?"), "\(result.errorText)")
        bundle.expectNothingLeft()
    }

    @Test func hostPIDNamespace() throws {
        let bundle = try SkiffrunBundle()
        let text = try bundle.output("readlink /proc/self/ns/pid") {
            $0.setNamespace("pid", path: nil, remove: true)
        }
        #expect(try text.trimmed == namespace("pid"))
    }

    @Test(arguments: [true, false])
    func userNamespace(joinsNetwork: Bool) throws {
        let bundle = try SkiffrunBundle()
        let first = joinsNetwork ? try bundle.startSleeper("first") : 0
        try Syscall.changeOwner("\(bundle.rootfs)/tmp", uid: 100_000, gid: 100_000)
        let text = try bundle.output(
            "id -u; cat /proc/self/uid_map; touch /tmp/f; ls /dev/null; readlink /proc/self/ns/net"
        ) {
            $0.setNamespace("user", path: nil)
            for kind in ["uidMappings", "gidMappings"] {
                $0["linux.\(kind)"] = [["containerID": 0, "hostID": 100_000, "size": 65536]]
            }
            if joinsNetwork {
                $0.setNamespace("network", path: "/proc/\(first)/ns/net")
                // A new sysfs needs a network namespace that belongs to the user namespace.
                $0["mounts"] = ($0["mounts"] as? [[String: Any]])?.filter {
                    $0["destination"] as? String != "/sys" && $0["destination"] as? String != "/sys/fs/cgroup"
                }
            }
        }
        let lines = text.linesList
        #expect(lines.first == "0")
        #expect(lines.dropFirst().first?.split(separator: " ").map(String.init) == ["0", "100000", "65536"])
        #expect(try Syscall.status("\(bundle.rootfs)/tmp/f").uid == 100_000)
        if joinsNetwork { #expect(try lines.last == namespace("net", of: "\(first)")) }
    }

    @Test func execEntersTheUserNamespace() throws {
        let bundle = try SkiffrunBundle()
        let pid = try bundle.startSleeper {
            $0.setNamespace("user", path: nil)
            for kind in ["uidMappings", "gidMappings"] {
                $0["linux.\(kind)"] = [["containerID": 0, "hostID": 100_000, "size": 65536]]
            }
        }
        let result = try bundle.run("exec", "c", "sh", "-c", "id -u; readlink /proc/self/ns/user")
        #expect(result.outputText.linesList == ["0", try namespace("user", of: "\(pid)")], "\(result.errorText)")
    }

    @Test func joinedUserNamespace() throws {
        let bundle = try SkiffrunBundle()
        let map: @Sendable (inout Configuration) -> Void = {
            $0.setNamespace("user", path: nil)
            for kind in ["uidMappings", "gidMappings"] {
                $0["linux.\(kind)"] = [["containerID": 0, "hostID": 100_000, "size": 65536]]
            }
        }
        let first = try bundle.startSleeper("first", map)
        let text = try bundle.output("id -u; readlink /proc/self/ns/user; readlink /proc/self/ns/net") {
            map(&$0)
            $0.setNamespace("user", path: "/proc/\(first)/ns/user")
            $0.setNamespace("network", path: "/proc/\(first)/ns/net")
        }
        #expect(text.linesList == ["0", try namespace("user", of: "\(first)"), try namespace("net", of: "\(first)")])
    }

    @Test func clocksOfATimeNamespace() throws {
        let bundle = try SkiffrunBundle()
        let text = try bundle.output("cat /proc/self/timens_offsets") {
            $0.setNamespace("time", path: nil)
            $0["linux.timeOffsets"] = ["monotonic": ["secs": 7881], "boottime": ["secs": 1337, "nanosecs": 5]]
        }
        let words = text.linesList.map { $0.split(separator: " ").map(String.init) }
        #expect(words == [["monotonic", "7881", "0"], ["boottime", "1337", "5"]])
    }

    @Test(arguments: [true, false])
    func joinedTimeNamespace(ofAUserNamespace: Bool) throws {
        let bundle = try SkiffrunBundle()
        let map: @Sendable (inout Configuration) -> Void = {
            guard ofAUserNamespace else { return }
            $0.setNamespace("user", path: nil)
            for kind in ["uidMappings", "gidMappings"] {
                $0["linux.\(kind)"] = [["containerID": 0, "hostID": 100_000, "size": 65536]]
            }
        }
        let first = try bundle.startSleeper("first") {
            map(&$0)
            $0.setNamespace("time", path: nil)
            $0["linux.timeOffsets"] = ["boottime": ["secs": 100_000_000]]
        }
        let text = try bundle.output("readlink /proc/self/ns/time; cat /proc/uptime") {
            map(&$0)
            if ofAUserNamespace { $0.setNamespace("user", path: "/proc/\(first)/ns/user") }
            $0.setNamespace("time", path: "/proc/\(first)/ns/time")
        }
        #expect(try text.linesList.first == namespace("time", of: "\(first)"))
        #expect(text.linesList.last?.hasPrefix("1000") == true, "\(text)")
        let exec = try bundle.run("exec", "first", "cat", "/proc/uptime")
        #expect(exec.outputText.hasPrefix("1000"), "\(exec.errorText)")
    }
}
