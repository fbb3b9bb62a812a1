// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import MonitorProtocol
import TestSupport
import Testing

/// The life of a monitor and of its pod's namespaces.
@Suite(.requiresRoot) struct SkiffmonPodTests {
    /// The number in `net:[4026531840]`.
    private func inode(_ path: String) throws -> UInt64 { try Syscall.status(path).inode }

    @Test func isAStaticExecutable() throws {
        let output = try CommandOutput.run(ChildPlan("/usr/bin/readelf", ["readelf", "-d", try SkiffmonPod.program]))
        #expect(output.outputText.contains("There is no dynamic section"))
    }

    @Test(arguments: [
        ([], "option \"--pod\" is missing"), (["--pod"], "needs a value"), (["--what", "x"], "unknown option"),
        (["--pod", "p", "--run-dir", "r", "--namespaces-dir", "/n"], "path \"r\" is not absolute"),
    ])
    func wrongUsageIsTold(arguments: [String], text: String) throws {
        let program = try SkiffmonPod.program
        let output = try CommandOutput.run(ChildPlan(program, [program] + arguments))
        #expect(output.status == .exited(2))
        #expect(output.errorText.contains(text))
        #expect(output.errorText.contains("usage: skiffmon"))
    }

    @Test func namespacesArePinnedAndGoneAfterShutdown() throws {
        let pod = try SkiffmonPod(new: "net,ipc,uts,pid", arguments: ["--hostname", "skiff-test"])
        for kind in ["net", "ipc", "uts", "pid"] {
            #expect(try inode("\(pod.namespaces)/\(kind)") != inode("/proc/self/ns/\(kind)"))
        }
        let enter = ["/usr/bin/nsenter", "--net=\(pod.namespaces)/net", "--uts=\(pod.namespaces)/uts"]
        #expect(try pod.run(enter + ["hostname"]).outputText == "skiff-test\n")
        #expect(try pod.run(enter + ["ip", "-o", "link", "show", "lo"]).outputText.contains("LOOPBACK,UP"))

        let client = try pod.connectAndAdopt()
        #expect(try client.ask(.hello(version: 9)) == .hello(version: MonitorMessage.version, pid: pod.pid, pod: "pod"))
        #expect(try client.ask(.shutdown) == .ok)
        #expect(try client.next() == nil)
        #expect(try pod.waitForEnd() == .exited(0))
        #expect(!Syscall.exists(pod.namespaces))
        #expect(try MountInfo.read().allSatisfy { !$0.mountPoint.hasPrefix(pod.path) })
        #expect(try Syscall.entries("\(pod.path)/pod") == [])
    }

    @Test func sysctlsAreSetInside() throws {
        let pod = try SkiffmonPod(
            arguments: ["--sysctl", "net.ipv4.ip_forward=1", "--sysctl", "kernel.shm_rmid_forced=1"])
        let inside = try pod.run([
            "/usr/bin/nsenter", "--net=\(pod.namespaces)/net", "--ipc=\(pod.namespaces)/ipc", "cat",
            "/proc/sys/net/ipv4/ip_forward", "/proc/sys/kernel/shm_rmid_forced",
        ])
        #expect(inside.outputText == "1\n1\n")
    }

    @Test(arguments: [
        ["--sysctl", "net.ipv4.no_such_thing=1"], ["--cgroup", "/sys/fs/cgroup/no-such-cgroup"],
        ["--sysctl", "net.ipv4.ip_forward=x"],
    ])
    func failureUndoesEverything(arguments: [String]) throws {
        let pod = try SkiffmonPod(new: "net,ipc,uts,pid", arguments: arguments, awaitReady: false)
        #expect(try pod.waitForEnd() == .exited(1))
        let answer = String(decoding: try #require(pod.readyPipe).descriptor.read(upTo: 4096), as: UTF8.self)
        #expect(answer.hasPrefix("error: "))
        #expect(answer.contains(arguments[1].split(separator: "=")[0]))
        // What failed before the namespaces has not touched their folder.
        #expect(try !Syscall.exists(pod.namespaces) || Syscall.entries(pod.namespaces).isEmpty)
        #expect(try MountInfo.read().allSatisfy { !$0.mountPoint.hasPrefix(pod.path) })
    }

    /// A daemon that undoes a pod removes the folder, and may not know of the monitor.
    @Test(arguments: ["ns/pod", "pod"]) func withoutItsFoldersItMakesNothing(folder: String) throws {
        let place = try TemporaryDirectory()
        let (run, namespaces) = ("\(place.path)/pod", "\(place.path)/ns/pod")
        for path in [run, namespaces] { try Syscall.makeDirectories(path) }
        try Syscall.removeDirectory("\(place.path)/\(folder)")
        let program = try SkiffmonPod.program
        let output = try CommandOutput.run(
            ChildPlan(
                program,
                [
                    program, "--pod", "pod", "--run-dir", run, "--namespaces-dir", namespaces, "--new", "net,ipc,uts",
                ]))
        #expect(output.status == .exited(1))
        #expect(output.outputText.hasPrefix("error: ") && output.outputText.contains("\(place.path)/\(folder)/"))
        #expect(!Syscall.exists("\(place.path)/\(folder)"))
        #expect(try MountInfo.read().allSatisfy { !$0.mountPoint.hasPrefix(place.path) })
    }

    @Test func undoesEverythingWhenNobodyAdopts() throws {
        let pod = try SkiffmonPod(new: "net,ipc,uts,pid")
        let client = try pod.connect()
        try pod.start("c", script: "sleep 1000", over: client, sharing: ["net", "ipc", "uts", "pid"])
        pod.readyPipe = nil
        #expect(try pod.waitForEnd() == .exited(0))
        #expect(try client.exit(of: "c").signal == 9)
        #expect(!Syscall.exists(pod.namespaces))
        #expect(try MountInfo.read().allSatisfy { $0.mountPoint.hasPrefix(pod.namespaces) == false })
    }

    @Test func theLockTellsWhetherItLives() throws {
        let pod = try SkiffmonPod(new: "net,ipc,uts,pid")
        let lock = try Syscall.open("\(pod.path)/pod/lock", .readWrite)
        #expect(try !Syscall.lock(lock.rawValue, exclusive: true, wait: false))
        let program = try SkiffmonPod.program
        let second = try CommandOutput.run(
            ChildPlan(
                program, [program, "--pod", "pod", "--run-dir", "\(pod.path)/pod", "--namespaces-dir", "/nowhere/ns"]))
        #expect(second.status == .exited(1))
        #expect(second.outputText.hasPrefix("error: lock"))
        #expect(Syscall.exists(pod.socketPath))

        try pod.pidfd.pidfd.send(.kill)
        #expect(try pod.waitForEnd() == .signaled(9))
        // Pause holds no copy of it, not even for the moment that it outlives the monitor.
        #expect(try Syscall.lock(lock.rawValue, exclusive: true, wait: false))
    }

    @Test func pauseDiesWithAKilledMonitor() throws {
        let pod = try SkiffmonPod(new: "net,ipc,uts,pid")
        let client = try pod.connectAndAdopt()
        try pod.start("c", script: "sleep 1000", over: client, sharing: ["net", "ipc", "uts", "pid"])
        let inner = try #require(Int32(try Syscall.readText(pod.file("c", "pid")).filter(\.isNumber)))
        let pause = try pause(of: pod)
        #expect(try ProcStat(pause).name == "skiff-pause")
        try pod.pidfd.pidfd.send(.kill)
        #expect(try pod.waitForEnd() == .signaled(9))
        try eventually("pause and the container end") { !ProcStat.isRunning(pause) && !ProcStat.isRunning(inner) }
    }

    /// Else it would be a pod that passes for ready and in which nothing can start any more.
    @Test func podEndsWithItsKilledPause() throws {
        let pod = try SkiffmonPod(new: "net,ipc,uts,pid")
        let client = try pod.connectAndAdopt()
        try pod.start("in", script: "sleep 1000", over: client, sharing: ["net", "ipc", "uts", "pid"])
        try pod.start("beside", script: "sleep 1000", over: client, sharing: ["net", "ipc", "uts"])
        let others = try ["in", "beside"].map {
            try #require(Int32(try Syscall.readText(pod.file($0, "pid")).filter(\.isNumber)))
        }
        try Syscall.kill(try pause(of: pod), .kill)
        #expect(try pod.waitForEnd() == .exited(0))
        for name in ["in", "beside"] { #expect(try Syscall.readText(pod.file(name, "exit")).contains("signal=9")) }
        #expect(others.allSatisfy { !ProcStat.isRunning($0) })
        #expect(!Syscall.exists(pod.namespaces))
    }

    @Test func pauseReapsOrphans() throws {
        let pod = try SkiffmonPod(new: "net,ipc,uts,pid")
        let client = try pod.connectAndAdopt()
        try pod.start(
            "c", script: "(sleep 0.2 & sleep 0.1 &) ; exit 3", over: client, sharing: ["net", "ipc", "uts", "pid"])
        #expect(try client.exit(of: "c").code == 3)
        let pause = try pause(of: pod)
        try eventually("the pod's PID namespace holds pause alone") {
            try Syscall.readText("/proc/\(pause)/task/\(pause)/children").isEmpty
        }
    }

    private func pause(of pod: SkiffmonPod) throws -> Int32 {
        let children = try Syscall.readText("/proc/\(pod.pid)/task/\(pod.pid)/children").split(separator: " ")
        let pause = children.compactMap { Int32($0) }.first { (try? ProcStat($0))?.name == "skiff-pause" }
        return try #require(pause)
    }

    @Test func sigtermEndsItBeforeAdoptionOnly() throws {
        let early = try SkiffmonPod()
        try early.pidfd.pidfd.send(.terminate)
        #expect(try early.waitForEnd() == .exited(0))
        #expect(!Syscall.exists(early.namespaces))

        let adopted = try SkiffmonPod()
        let client = try adopted.connectAndAdopt()
        try adopted.pidfd.pidfd.send(.terminate)
        #expect(try client.ask(.list) == .containers([]))
        #expect(try client.ask(.shutdown) == .ok)
    }

    /// Out of descriptors it neither spins nor fills its log, and clients are served once there are some.
    @Test func clientsWaitForDescriptors() throws {
        let pod = try SkiffmonPod()
        let first = try pod.connectAndAdopt()
        try pod.run(["/usr/bin/prlimit", "--pid", "\(pod.pid)", "--nofile=1:4096"])
        let waiting = try MonitorConnection(path: pod.socketPath)
        let ticks = try cpuTicks(pod.pid)
        _ = try Syscall.poll(-1, for: [], milliseconds: 2000)
        #expect(try cpuTicks(pod.pid) - ticks < 50)
        #expect(try first.ask(.list) == .containers([]))
        let complaints = try Syscall.readText("\(pod.path)/monitor.log").split(separator: "\n")
        #expect(complaints.filter { $0.contains("accept client") }.count == 1)
        try pod.run(["/usr/bin/prlimit", "--pid", "\(pod.pid)", "--nofile=4096:4096"])
        #expect(try pod.connect().ask(.list) == .containers([]))
        _ = consume waiting
    }

    /// User and system time in clock ticks.
    private func cpuTicks(_ pid: Int32) throws -> Int {
        let text = try Syscall.readText("/proc/\(pid)/stat")
        let fields = try #require(text.split(separator: ")").last).split(separator: " ")
        return try #require(Int(fields[11])) + (try #require(Int(fields[12])))
    }

    /// What containers may use up does not count against the monitor, nor is it killed with them.
    @Test func entersCgroupsOfItsOwn() throws {
        let name = "skiffmon-test-\(Syscall.processID)"
        let roots =
            SkiffmonPod.hasUnifiedCgroups
            ? ["/sys/fs/cgroup"] : ["/sys/fs/cgroup/pids", "/sys/fs/cgroup/freezer"]
        let directories = roots.map { "\($0)/\(name)" }
        for directory in directories { try Syscall.makeDirectory(directory) }
        defer { for directory in directories { try? Syscall.removeDirectory(directory) } }
        let pod = try SkiffmonPod(
            runtime: SkiffmonPod.ownRuntime, arguments: directories.flatMap { ["--cgroup", $0] })
        let client = try pod.connectAndAdopt()
        try pod.start("c", script: "exec sleep 1000", over: client)
        for directory in directories {
            #expect(try Syscall.readText("\(directory)/cgroup.procs") == "\(pod.pid)\n")
        }
        #expect(try client.ask(.shutdown) == .ok)
        _ = try pod.waitForEnd()
    }

    @Test func malformedMessagesAreAnsweredOrEndTheConnection() throws {
        let pod = try SkiffmonPod(new: "net")
        let socket = try UnixSocket.connect(pod.socketPath, .sequencedPackets)
        try socket.send([1, 0, 99, 0, 7, 0, 0, 0])
        let reply = try MonitorMessage(decoding: try socket.receive(upTo: MonitorMessage.maximumSize).bytes)
        #expect(reply == .reply(7, .failed(text: "monitor message: unknown kind 99", exitStatus: nil)))
        try socket.send([1, 0, 99])
        #expect(try socket.receive(upTo: 1024).bytes.isEmpty)
        #expect(try pod.connect().ask(.list) == .containers([]))
    }
}
