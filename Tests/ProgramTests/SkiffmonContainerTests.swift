// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Glibc
import Linux
import MonitorProtocol
import TestSupport
import Testing

/// Containers of real OCI runtimes below a monitor.
@Suite(.requiresRoot) struct SkiffmonContainerTests {
    static let runtimes = ["/usr/bin/crun", "/usr/sbin/runc", SkiffmonPod.ownRuntime]

    @Test(arguments: runtimes) func outputAndExitCode(runtime: String) throws {
        let pod = try SkiffmonPod(runtime: runtime)
        let client = try pod.connectAndAdopt()
        try pod.makeBundle("c", script: "echo out; echo err >&2; printf half; exit 7")
        let created = try client.ask(.create(pod.createRequest("c")))
        guard case .created(let process) = created else { throw SkiffmonPod.NeverReady(answer: "\(created)") }
        #expect(try ProcStat(process.pid).startTime == process.startTime)
        #expect(try client.ask(.list) == .containers([ContainerStatus(container: "c", state: .created(process))]))
        #expect(
            try client.ask(.start(container: "c", pod.command(["start", pod.id("c")]))) == .ran(exitStatus: 0, text: "")
        )

        let record = try client.exit(of: "c")
        #expect(record.code == 7 && record.signal == 0 && !record.oomKilled && record.reason == "Error")
        #expect(record.pid == process.pid)
        #expect(try #require(record.started) <= record.finished)
        #expect(try ExitRecord(parsing: Syscall.readText(pod.file("c", "exit"))) == record)
        let lines = try LoggedLine.parse(try pod.log("c"))
        #expect(lines.filter { $0.stream == "stdout" }.map(\.tagged) == ["F out", "P half"])
        #expect(lines.filter { $0.stream == "stderr" }.map(\.tagged) == ["F err"])

        #expect(try client.ask(.list) == .containers([ContainerStatus(container: "c", state: .exited(record))]))
        let delete = try client.ask(.run(pod.command(["delete", pod.id("c")])))
        #expect(delete == .ran(exitStatus: 0, text: ""))
        #expect(try client.ask(.forget(container: "c")) == .ok)
        #expect(try client.ask(.list) == .containers([]))
    }

    @Test(arguments: runtimes) func aMebibyteWithoutNewlineIsExact(runtime: String) throws {
        let pod = try SkiffmonPod(runtime: runtime)
        let client = try pod.connectAndAdopt()
        try pod.start("c", script: "head -c 1048576 /dev/zero | tr '\\0' x", over: client)
        #expect(try client.exit(of: "c").code == 0)
        let lines = try LoggedLine.parse(try pod.log("c"))
        #expect(lines.count == 64)
        #expect(lines.allSatisfy { $0.tag == "P" && $0.text == String(repeating: "x", count: 16_384) })
    }

    @Test func manyLinesAreExact() throws {
        let pod = try SkiffmonPod()
        let client = try pod.connectAndAdopt()
        try pod.start("c", script: "seq 1 200000", over: client)
        #expect(try client.exit(of: "c").code == 0)
        let lines = try LoggedLine.parse(try pod.log("c"))
        #expect(lines.map { String($0.text) } == (1...200_000).map(String.init))
        #expect(lines.allSatisfy { $0.tag == "F" && $0.stream == "stdout" })
        #expect(lines.map(\.time) == lines.map(\.time).sorted())
    }

    @Test(arguments: [15, 9]) func signalsEndIt(number: UInt32) throws {
        let pod = try SkiffmonPod(new: "net,ipc,uts,pid")
        let client = try pod.connectAndAdopt()
        try pod.start("c", script: "exec sleep 1000", over: client, sharing: ["net", "ipc", "uts", "pid"])
        #expect(try client.ask(.signal(container: "c", signal: number)) == .ok)
        let record = try client.exit(of: "c")
        #expect(record.code == 128 + number && record.signal == number && !record.oomKilled)
        guard case .failed(let text, _) = try client.ask(.signal(container: "c", signal: number)) else {
            throw SkiffmonPod.Missing()
        }
        #expect(text.contains("no such process"))
    }

    @Test func aReturningClientSeesWhatHappenedMeanwhile() throws {
        let pod = try SkiffmonPod()
        do {
            let client = try pod.connectAndAdopt()
            try pod.start("c", script: "sleep 0.2; echo late; exit 5", over: client)
        }
        try eventually("the exit record") { Syscall.exists(pod.file("c", "exit")) }
        let again = try pod.connect()
        guard case .containers(let list) = try again.ask(.list), case .exited(let record)? = list.first?.state else {
            throw SkiffmonPod.Missing()
        }
        #expect(record.code == 5)
        #expect(try LoggedLine.parse(try pod.log("c")).map(\.tagged) == ["F late"])
    }

    @Test(arguments: runtimes) func aFailedCreateLeavesNothing(runtime: String) throws {
        let pod = try SkiffmonPod(runtime: runtime)
        let client = try pod.connectAndAdopt()
        try pod.makeBundle("c", script: "true")
        try Syscall.removeTree("\(pod.path)/c/rootfs/bin")
        guard case .failed(let text, let status) = try client.ask(.create(pod.createRequest("c"))) else {
            throw SkiffmonPod.Missing()
        }
        #expect(text.contains("/bin/sh"))
        #expect(try #require(status) != 0)
        #expect(!Syscall.exists(pod.file("c", "log")))
        #expect(try client.ask(.list) == .containers([]))
        #expect(try client.ask(.shutdown) == .ok)
    }

    @Test func unknownNamesAndWrongStatesAreErrors() throws {
        let pod = try SkiffmonPod()
        let client = try pod.connectAndAdopt()
        try pod.start("c", script: "sleep 1000", over: client)
        let command = pod.command(["state", pod.id("c")])
        let exec = ExecRequest(container: "c", execID: "e", way: .runtime(command, pidFile: "/none"))
        for (request, text) in [
            (.forget(container: "x"), "none of that name"), (.forget(container: "c"), "it is running"),
            (.reopenLog(container: "x"), "none of that name"), (.start(container: "c", command), "it is running"),
            (.create(pod.createRequest("c")), "has one of that name"), (.exec(exec), "0 descriptors"),
            (.run(RuntimeCommand([])), "empty"), (.run(RuntimeCommand(["/no/such"])), "no such file"),
            (.hello(version: 0), "version 0"),
        ] as [(MonitorRequest, String)] {
            guard case .failed(let answer, _) = try client.ask(request) else { throw SkiffmonPod.Missing() }
            #expect(answer.contains(text))
        }
    }

    @Test func aTerminalIsCarried() throws {
        let pod = try SkiffmonPod()
        let client = try pod.connectAndAdopt()
        try pod.makeBundle("c", script: "tty; echo err >&2; exit 4", terminal: true)
        guard case .created = try client.ask(.create(pod.createRequest("c", terminal: true))) else {
            throw SkiffmonPod.Missing()
        }
        try eventually("the socket has served") { !Syscall.exists(pod.file("c", "console.sock")) }
        _ = try client.ask(.start(container: "c", pod.command(["start", pod.id("c")])))
        #expect(try client.exit(of: "c").code == 4)
        try eventually("both lines") {
            try LoggedLine.parse(try pod.log("c")).map(\.tagged) == ["F /dev/pts/0\r", "F err\r"]
        }
    }

    /// As systemd does with its console. More is written afterwards than the kernel keeps for a terminal that nobody reads.
    @Test(arguments: runtimes) func aTerminalThatWasClosedMayBeOpenedAgain(runtime: String) throws {
        let pod = try SkiffmonPod(runtime: runtime)
        let client = try pod.connectAndAdopt()
        let script = "echo before; exec </dev/null >/dev/null 2>&1; sleep 1; seq 1 20000 >/dev/console; exit 4"
        try pod.makeBundle("c", script: script, terminal: true)
        guard case .created = try client.ask(.create(pod.createRequest("c", terminal: true))) else {
            throw SkiffmonPod.Missing()
        }
        _ = try client.ask(.start(container: "c", pod.command(["start", pod.id("c")])))
        #expect(try client.exit(of: "c").code == 4)
        let lines = try LoggedLine.parse(try pod.log("c")).map(\.tagged)
        #expect(lines == ["F before\r"] + (1...20_000).map { "F \($0)\r" })
    }

    /// The debugger, which is this thread, hears of the end first, and lets go of the process when it likes.
    @Test func theEndOfATracedProcessIsTold() throws {
        let pod = try SkiffmonPod(runtime: SkiffmonPod.ownRuntime)
        let client = try pod.connectAndAdopt()
        try pod.start("c", script: "exec sleep 1000", over: client)
        guard case .containers(let list) = try client.ask(.list), case .running(let first, _)? = list.first?.state
        else { throw SkiffmonPod.Missing() }
        try Self.trace(first.pid)
        #expect(try client.ask(.signal(container: "c", signal: 9)) == .ok)
        let record = try client.exit(of: "c")
        #expect(record.code == 137 && record.signal == 9)
        #expect(try ProcStat(first.pid).state == "Z")
        #expect(try client.ask(.forget(container: "c")) == .ok)
        _ = try Syscall.wait(first.pid)
        try eventually("it is reaped") { !Syscall.exists("/proc/\(first.pid)") }
    }

    /// ptrace(2) with PTRACE_SEIZE. It has variable arguments, which Swift's Glibc leaves out.
    private static func trace(_ pid: Int32) throws {
        typealias Call = @convention(c) (CInt, pid_t, UInt, UInt) -> CLong
        let call = unsafe unsafeBitCast(try #require(dlsym(nil, "ptrace")), to: Call.self)
        try #require(call(0x4206, pid, 0, 0) == 0)
    }

    @Test func aGrandchildWithTheOutputOpenDoesNotDelayTheExit() throws {
        let pod = try SkiffmonPod(new: "net,ipc,uts,pid")
        let client = try pod.connectAndAdopt()
        try pod.start(
            "c", script: "(sleep 0.5; echo after) & echo before; exit 0", over: client,
            sharing: ["net", "ipc", "uts", "pid"])
        #expect(try client.exit(of: "c").code == 0)
        #expect(try LoggedLine.parse(try pod.log("c")).map(\.tagged) == ["F before"])
        try eventually("what the grandchild says") {
            try LoggedLine.parse(try pod.log("c")).map(\.tagged) == ["F before", "F after"]
        }
    }

    /// Only what is the process's own counts here; the program's pages are shared by all monitors of a machine.
    @Test func memoryIsSmall() throws {
        let pod = try SkiffmonPod()
        let client = try pod.connectAndAdopt()
        try pod.start("c", script: "seq 1 1000; exec sleep 1000", over: client)
        try eventually("the monitor gives back its memory") {
            let rollup = try Syscall.readText("/proc/\(pod.pid)/smaps_rollup").split(separator: "\n")
            let anonymous = try #require(rollup.first { $0.hasPrefix("Pss_Anon:") })
            return try #require(Int(anonymous.split(separator: " ")[1])) < 512
        }
    }

    @Test(
        .enabled(
            if: SkiffmonPod.hasUnifiedCgroups || Syscall.exists("/sys/fs/cgroup/memory/cgroup.procs"),
            "needs the memory controller"),
        arguments: runtimes)
    func runningOutOfMemoryIsTold(runtime: String) throws {
        let pod = try SkiffmonPod(runtime: runtime)
        let client = try pod.connectAndAdopt()
        let limit = "\"resources\":{\"memory\":{\"limit\":33554432}},"
        try pod.start("own", script: "x=$(cat /dev/zero | tr '\\0' x)", over: client, limits: limit)
        let own = try client.exit(of: "own")
        #expect(own.oomKilled && own.code == 137 && own.reason == "OOMKilled")
        // A process of the container that is killed for its memory does not end the container.
        try pod.start("child", script: "(x=$(cat /dev/zero | tr '\\0' x)); exit 5", over: client, limits: limit)
        let child = try client.exit(of: "child")
        #expect(!child.oomKilled && child.code == 5 && child.reason == "Error")
        // Nor does it tell why the container is killed later on, by somebody whom the monitor does not know.
        let script = "(x=$(cat /dev/zero | tr '\\0' x)); sleep 1; echo over; exec sleep 1000"
        try pod.start("late", script: script, over: client, limits: limit)
        try eventually("the child was killed") { try pod.log("late").contains("over") }
        guard case .containers(let list) = try client.ask(.list),
            case .running(let process, _)? = list.first(where: { $0.container == "late" })?.state
        else { throw SkiffmonPod.Missing() }
        try Syscall.kill(process.pid, .kill)
        let late = try client.exit(of: "late")
        #expect(!late.oomKilled && late.signal == 9 && late.reason == "Error")
        // And what ran out of memory itself after a child of it did so is marked.
        let both = "(x=$(cat /dev/zero | tr '\\0' x)); sleep 1; x=$(cat /dev/zero | tr '\\0' x)"
        try pod.start("both", script: both, over: client, limits: limit)
        #expect(try client.exit(of: "both").oomKilled)
    }

    @Test func anOutputThatNeverEndsIsClosedAtLast() throws {
        let pod = try SkiffmonPod(new: "net,ipc,uts,pid")
        let client = try pod.connectAndAdopt()
        try pod.start("c", script: "sleep 1000 & exit 0", over: client, sharing: ["net", "ipc", "uts", "pid"])
        #expect(try client.exit(of: "c").code == 0)
        try eventually("the pipes are closed") {
            // What is closed between the listing and the look is no pipe any more.
            try Syscall.entries("/proc/\(pod.pid)/fd").allSatisfy {
                (try? Syscall.readLink("/proc/\(pod.pid)/fd/\($0)").hasPrefix("pipe:")) != true
            }
        }
        #expect(try client.ask(.forget(container: "c")) == .ok)
        #expect(try client.ask(.shutdown) == .ok)
    }
}

/// One line of a log in the CRI format.
struct LoggedLine {
    var time: Substring
    var stream: Substring
    var tag: Substring
    var text: Substring
    var tagged: String { "\(tag) \(text)" }

    struct Malformed: Error { var line: Substring }

    static func parse(_ log: String) throws -> [LoggedLine] {
        try log.utf8.split(separator: 10).map { bytes in
            let line = Substring(bytes)
            let fields = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
            guard fields.count == 4, fields[0].utf8.count == 30, fields[0].hasSuffix("Z") else {
                throw Malformed(line: line)
            }
            return LoggedLine(time: fields[0], stream: fields[1], tag: fields[2], text: fields[3])
        }
    }
}
