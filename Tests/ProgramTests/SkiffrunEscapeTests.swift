// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

/// Ways out of a container, and into others, that must be closed.
@Suite("skiffrun: escapes", .requiresRoot)
struct SkiffrunEscapeTests {
    /// 4294967295 means "no change" in setresuid(2).
    @Test(arguments: ["process.user.uid", "process.user.gid"])
    func idThatWouldKeepRoot(_ property: String) throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["id"]) { $0[property] = 4_294_967_295 }
        expect(
            try bundle.run("run", "c"), 1, "skiffrun run failed: uids and gids must be in range 0-2147483647\n")
        try bundle.configure(["id"]) { $0["process.user.additionalGids"] = [4_294_967_295] }
        #expect(try bundle.run("run", "c").status == .exited(1))
        bundle.expectNothingLeft()
    }

    @Test func waitingContainerHoldsNothingOfTheHost() throws {
        let bundle = try SkiffrunBundle()
        let first = try bundle.startSleeper("first")
        try bundle.configure(["true"], id: "second") { $0.setNamespace("pid", path: "/proc/\(first)/ns/pid") }
        #expect(try bundle.run("create", "second").status.isSuccess)
        let pid = try #require(try bundle.state("second")["pid"] as? Int)
        for name in try Syscall.entries("/proc/\(pid)/fd") where (Int(name) ?? 0) > 2 {
            let status = try Syscall.status("/proc/\(pid)/fd/\(name)")
            #expect(status.kind == .socket || status.kind == .fifo, "descriptor \(name)")
        }
    }

    /// CVE-2024-21626: the program's path is resolved before descriptors close at execution.
    @Test func descriptorOfTheCallerIsNoPath() throws {
        let bundle = try SkiffrunBundle()
        try Program.copy("\(bundle.rootfs)/bin/busybox", to: "\(bundle.scratch)/true")
        try Syscall.makeSymlink("/proc/self/fd/9/true", "\(bundle.rootfs)/bin/app")
        try bundle.configure(["/bin/app"])
        let error = "exec: \"/bin/app\": stat /bin/app: no such file or directory\n"
        expect(try bundle.run(after: "exec 9<\(bundle.scratch)", ["run", "c"]), 1, "skiffrun run failed: " + error)
        bundle.expectNothingLeft()
        _ = try bundle.startSleeper()
        expect(
            try bundle.run(after: "exec 9<\(bundle.scratch)", ["exec", "c", "/bin/app"]), 255,
            "exec failed: unable to start container process: " + error)
    }

    @Test func mountNamespaceOfTheHostIsNotJoined() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["true"]) { $0.setNamespace("mount", path: "/proc/self/ns/mnt") }
        expect(
            try bundle.run("create", "c"), 1, "skiffrun create failed: joining a mount namespace is not supported\n")
        bundle.expectNothingLeft()
    }

    @Test func hostNameStaysItsOwn() throws {
        let bundle = try SkiffrunBundle()
        let before = try Syscall.readText("/proc/sys/kernel/hostname")
        try bundle.configure(["true"]) {
            $0["hostname"] = "stranger"
            $0.setNamespace("uts", path: "/proc/self/ns/uts")
        }
        let result = try bundle.run("create", "c")
        #expect(result.errorText.contains("unable to set hostname or domainname in the host uts namespace"))
        #expect(try Syscall.readText("/proc/sys/kernel/hostname") == before)
        bundle.expectNothingLeft()
    }

    @Test func cgroupOfAStoppedContainerIsNotTaken() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["true"], id: "one")
        #expect(try bundle.run("create", "one").status.isSuccess)
        #expect(try bundle.run("start", "one").status.isSuccess)
        try eventually("container stops") { try bundle.status("one") == "stopped" }
        let result = try bundle.run("create", "two")
        #expect(result.errorText.contains("container's cgroup belongs to the container \"one\""))
        expect(try bundle.run("delete", "one"), 0, "")
        bundle.expectNothingLeft()
    }

    /// Somebody has removed the cgroup of a stopped container; one of the same path is another one.
    @Test func deletionLeavesTheCgroupOfAnother() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["true"], id: "one")
        #expect(try bundle.run("create", "one").status.isSuccess)
        #expect(try bundle.run("start", "one").status.isSuccess)
        try eventually("container stops") { try bundle.status("one") == "stopped" }
        for hierarchy in HostCgroups.mountPoints where Syscall.exists("\(hierarchy)\(bundle.cgroup)/one") {
            try Syscall.removeDirectory("\(hierarchy)\(bundle.cgroup)/one")
        }
        try bundle.configure(["sleep", "1000"], id: "one")
        #expect(try bundle.run("create", "two").status.isSuccess)
        #expect(try bundle.run("start", "two").status.isSuccess)
        expect(try bundle.run("delete", "--force", "one"), 0, "")
        #expect(try bundle.status("two") == "running")
    }

    @Test func closedStreamsAreTheNullDevice() throws {
        let bundle = try SkiffrunBundle()
        let log = "\(bundle.scratch)/log"
        try bundle.configure(script: "ls /proc/self/fd; readlink /proc/self/fd/0") {
            $0["process.user"] = ["uid": 1000, "gid": 1000]
        }
        let result = try bundle.run(after: "exec <&-", ["--log", log, "run", "c"])
        #expect(result.outputText == "0\n1\n2\n3\n/dev/null\n", "\(result.errorText)")
        #expect(try Syscall.status(log).uid == 0)
    }

    @Test func frozenHierarchyIsRefused() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["true"])
        let isUnified = HostCgroups.isUnified
        let directory = "/sys/fs/cgroup\(isUnified ? "" : "/freezer")\(bundle.cgroup)/c"
        try Syscall.makeDirectories(directory)
        defer { try? Syscall.removeDirectory(directory) }
        try Syscall.writeExisting(
            "\(directory)/\(isUnified ? "cgroup.freeze" : "freezer.state")", isUnified ? "1" : "FROZEN")
        let result = try bundle.run("create", "c", timeoutSeconds: 20)
        #expect(result.errorText.contains("container's cgroup unexpectedly frozen"), "\(result.errorText)")
    }
}
