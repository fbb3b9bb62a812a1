// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import MonitorProtocol
import TestSupport
import Testing

/// Sessions that the daemon streams: with pipes or a terminal, by the runtime's `exec` or, for skiffrun, by the monitor's
/// own way into the container.
@Suite(.requiresRoot) struct SkiffmonSessionTests {
    static let runtimes = SkiffmonContainerTests.runtimes

    /// A pod with a container `c` that sleeps.
    private func pod(_ runtime: String = SkiffmonPod.ownRuntime, limits: String = "") throws -> (
        SkiffmonPod, SkiffmonClient
    ) {
        let pod = try SkiffmonPod(runtime: runtime)
        let client = try pod.connectAndAdopt()
        try pod.makeBundle("c", script: "exec sleep 1000", terminal: true, limits: limits)
        guard case .created = try client.ask(.create(pod.createRequest("c", terminal: true))) else {
            throw SkiffmonPod.Missing()
        }
        guard case .ran(0, _) = try client.ask(.start(container: "c", pod.command(["start", pod.id("c")]))) else {
            throw SkiffmonPod.Missing()
        }
        return (pod, client)
    }

    private struct Streams {
        let output: SharedFD
        let errors: SharedFD
        let writers: [SharedFD]

        init() throws {
            var output = try Pipe()
            var errors = try Pipe()
            guard let outputReader = output.takeReader(), let outputWriter = output.takeWriter(),
                let errorReader = errors.takeReader(), let errorWriter = errors.takeWriter()
            else { throw Errno.EBADF }
            (self.output, self.errors) = (SharedFD(outputReader), SharedFD(errorReader))
            writers = [SharedFD(outputWriter), SharedFD(errorWriter)]
        }
    }

    /// Sends the request; the writing ends of the streams are the process's alone then.
    private func run(
        _ script: String, in pod: SkiffmonPod, _ client: SkiffmonClient, id: String = "e", terminal: WindowSize? = nil,
        endsWithClient: Bool = false
    ) throws -> (number: UInt32, output: SharedFD, errors: SharedFD) {
        let streams = try Streams()
        let request = ExecRequest(
            container: "c", execID: id, way: try pod.way(["/bin/sh", "-c", script], id: id, terminal: terminal != nil),
            terminal: terminal, endsWithClient: endsWithClient)
        let number = try client.send(.exec(request), terminal == nil ? streams.writers.map(\.rawValue) : [])
        return (number, streams.output, streams.errors)
    }

    private func started(_ number: UInt32, _ client: SkiffmonClient) throws -> Int32 {
        let reply = try client.answer(to: number)
        guard case .execStarted(let pid) = reply else { throw SkiffmonPod.Unexpected(reply: reply) }
        return pid
    }

    private func text(_ fd: SharedFD) throws -> String { String(decoding: try fd.descriptor.readAll(), as: UTF8.self) }

    /// Reads the master until the text comes.
    private func read(_ master: SharedFD, until text: String) throws -> String {
        var all = ""
        try eventually("\"\(text)\" on the terminal") {
            _ = try Syscall.poll(master.rawValue, for: .readable, milliseconds: 1000)
            // EAGAIN: nothing yet; EIO: the last user is gone.
            all += String(decoding: (try? Syscall.read(master.rawValue, upTo: 4096)) ?? [], as: UTF8.self)
            return all.contains(text)
        }
        return all
    }

    @Test(arguments: runtimes) func aTerminalGoesToTheClient(runtime: String) throws {
        let (pod, client) = try pod(runtime)
        let size = WindowSize(rows: 33, columns: 77)
        // crun gives the terminal its size when the program may run already.
        let isEarly = runtime.hasSuffix("/crun") ? "until [ \"$(stty size)\" = '33 77' ]; do :; done; " : ""
        let exec = try run("\(isEarly)stty size; read x; stty size; exit 5", in: pod, client, terminal: size)
        _ = try started(exec.number, client)
        let master = try #require(client.descriptors.first)
        _ = try read(master, until: "33 77")
        try Terminal.setWindowSize(master.rawValue, WindowSize(rows: 44, columns: 88))
        try Syscall.writeAll(master.rawValue, Array("\n".utf8))
        _ = try read(master, until: "44 88")
        #expect(try client.answer(to: exec.number) == .execExited(ExecExit(code: 5)))
        #expect(try pod.log("c").isEmpty)
    }

    @Test(arguments: runtimes) func hangingUpEndsATerminalSession(runtime: String) throws {
        let (pod, client) = try pod(runtime)
        let exec = try run("exec cat", in: pod, client, terminal: WindowSize(rows: 1, columns: 1))
        _ = try started(exec.number, client)
        #expect(client.descriptors.count == 1)
        client.dropDescriptors()
        #expect(try client.answer(to: exec.number) == .execExited(ExecExit(code: 129, signal: 1)))
    }

    @Test func theConfinementIsThatOfTheContainer() throws {
        let limits = """
            "seccomp":{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_ERRNO"}]},
            """
        let (pod, client) = try pod(limits: limits)
        let words = "'^(Uid|Gid|Groups|NoNewPrivs|Seccomp|Cap[A-Z][a-z]*):'"
        func status(_ process: String, _ id: String) throws -> String {
            let exec = try run(
                "grep -E \(words) /proc/\(process)/status; cat /proc/\(process)/cgroup", in: pod, client, id: id)
            _ = try started(exec.number, client)
            #expect(try client.answer(to: exec.number) == .execExited(ExecExit(code: 0)))
            return try text(exec.output)
        }
        let own = try status("self", "a")
        #expect(own.contains("Seccomp:\t2") && own.contains("CapEff:\t0000000000000000"))
        #expect(own == (try status("1", "b")))
        let namespaces = try run("readlink /proc/self/ns/pid; readlink /proc/1/ns/pid", in: pod, client, id: "n")
        _ = try started(namespaces.number, client)
        let names = try text(namespaces.output).split(separator: "\n")
        #expect(names.count == 2 && names[0] == names[1])
    }

    @Test func aSessionOfTheMonitorsOwnIsOneProcess() throws {
        let (pod, client) = try pod()
        let exec = try run("echo here; exec sleep 1000", in: pod, client)
        let pid = try started(exec.number, client)
        #expect(String(decoding: try exec.output.descriptor.read(upTo: 64), as: UTF8.self) == "here\n")
        // The one that led it in ends meanwhile.
        try eventually("the container and the session are all that the monitor has") {
            let children = try Syscall.readText("/proc/\(pod.pid)/task/\(pod.pid)/children").split(separator: " ")
            return children.count == 2 && children.contains("\(pid)")
        }
        #expect(try ProcStat(pid).session == pid)
        #expect(try client.ask(.endExec(execID: "e")) == .ok)
        #expect(try client.answer(to: exec.number) == .execExited(ExecExit(code: 137, signal: 9)))
    }

    @Test(arguments: runtimes) func theWholeSessionIsKilled(runtime: String) throws {
        let (pod, client) = try pod(runtime)
        let exec = try run("sleep 1001 & echo here; sleep 1002", in: pod, client)
        _ = try started(exec.number, client)
        #expect(String(decoding: try exec.output.descriptor.read(upTo: 64), as: UTF8.self) == "here\n")
        #expect(try client.ask(.endExec(execID: "e")) == .ok)
        #expect(try client.answer(to: exec.number) == .execExited(ExecExit(code: 137, signal: 9)))
        // The pipe ends only when the job is gone too.
        #expect(try text(exec.output).isEmpty)
        guard case .failed(let words, _) = try client.ask(.endExec(execID: "e")) else { throw SkiffmonPod.Missing() }
        #expect(words.contains("none of that name"))
    }

    @Test(arguments: runtimes) func aSessionEndsWithItsClient(runtime: String) throws {
        let (pod, client) = try pod(runtime)
        let second = try pod.connect()
        let exec = try run("sleep 1001 & echo here; sleep 1002", in: pod, second, endsWithClient: true)
        _ = try started(exec.number, second)
        #expect(String(decoding: try exec.output.descriptor.read(upTo: 64), as: UTF8.self) == "here\n")
        try second.close()
        #expect(try text(exec.output).isEmpty)
        guard case .containers(let list) = try client.ask(.list), case .running? = list.first?.state else {
            throw SkiffmonPod.Missing()
        }
    }

    /// As when a terminal hangs up: a job that was told to ignore that goes on, whatever else there is of the session ends.
    @Test(arguments: runtimes) func hangingUpSparesWhoIgnoresIt(runtime: String) throws {
        let (pod, client) = try pod(runtime)
        let deaf = "(trap '' HUP; echo >/tmp/deaf; sleep 2; echo survived >/tmp/proof) >/dev/null 2>&1"
        let script = "\(deaf) & until [ -e /tmp/deaf ]; do :; done; sleep 1001 & echo here; sleep 1002"
        let exec = try run(script, in: pod, client)
        _ = try started(exec.number, client)
        #expect(String(decoding: try exec.output.descriptor.read(upTo: 64), as: UTF8.self) == "here\n")
        #expect(try client.ask(.hangUp(execID: "e")) == .ok)
        #expect(try client.answer(to: exec.number) == .execExited(ExecExit(code: 129, signal: 1)))
        #expect(try text(exec.output).isEmpty)
        try eventually("the job ends its work") { Syscall.exists(pod.file("c", "rootfs/tmp/proof")) }
    }

    /// The monitor is the last that the kernel kills for want of memory; what it starts has no part in that.
    @Test(.protectsProcesses, arguments: runtimes) func theMonitorAloneIsProtected(runtime: String) throws {
        let (pod, client) = try pod(runtime)
        func score(_ pid: Int32) throws -> String { try Syscall.readText("/proc/\(pid)/oom_score_adj") }
        guard case .containers(let list) = try client.ask(.list), case .running(let first, _)? = list.first?.state
        else { throw SkiffmonPod.Missing() }
        let exec = try run("echo here; exec sleep 1000", in: pod, client)
        let pid = try started(exec.number, client)
        #expect(String(decoding: try exec.output.descriptor.read(upTo: 64), as: UTF8.self) == "here\n")
        let own = try score(Syscall.processID)
        #expect(try [score(pod.pid), score(first.pid), score(pid)] == ["-999\n", own, own])
    }

    @Test func whatCannotRunIsTold() throws {
        let (pod, client) = try pod()
        let null = try Syscall.open("/dev/null", .readWrite)
        for (program, root, cause) in [
            ("/no/such", "\(pod.path)/runtime", "no such file"),
            ("nothing", "\(pod.path)/runtime", "not found in $PATH"),
            ("/bin/true", "\(pod.path)/elsewhere", "does not exist"),
        ] {
            let entry = ContainerEntry(root: root, id: pod.id("c"), arguments: [program])
            let request = ExecRequest(container: "c", execID: "e", way: .entry(entry))
            let reply = try client.ask(.exec(request), [null.rawValue, null.rawValue])
            guard case .failed(let text, nil) = reply else { throw SkiffmonPod.Unexpected(reply: reply) }
            #expect(text.contains(cause))
        }
        try eventually("only the container is left") {
            try Syscall.readText("/proc/\(pod.pid)/task/\(pod.pid)/children").split(separator: " ").count == 1
        }
    }

    @Test func theTimeLimitHolds() throws {
        let (pod, client) = try pod()
        let null = try Syscall.open("/dev/null", .readWrite)
        let streams = try Streams()
        let way = try pod.way(["/bin/sh", "-c", "sleep 1001 & sleep 1002"], id: "e", terminal: false)
        let request = ExecRequest(container: "c", execID: "e", way: way, timeoutMilliseconds: 1500, stdin: true)
        let number = try client.send(.exec(request), [null.rawValue] + streams.writers.map(\.rawValue))
        _ = try started(number, client)
        #expect(try client.answer(to: number) == .execExited(ExecExit(code: 137, signal: 9, timedOut: true)))
    }

    /// Nothing of a hundred processes is left: no descriptor, no child, no name.
    @Test func aHundredLeaveNothing() throws {
        let (pod, client) = try pod()
        func descriptors() throws -> Int { try Syscall.entries("/proc/\(pod.pid)/fd").count }
        let before = try descriptors()
        for round in 0..<5 {
            let execs = try (0..<20).map { try run("exit \($0)", in: pod, client, id: "e\($0)") }
            for (index, exec) in execs.enumerated() {
                _ = try started(exec.number, client)
                #expect(try client.answer(to: exec.number) == .execExited(ExecExit(code: UInt32(index))), "\(round)")
            }
        }
        // Something of the start may still have been open before.
        try eventually("the descriptors are closed") { try descriptors() <= before }
        #expect(try Syscall.readText("/proc/\(pod.pid)/task/\(pod.pid)/children").split(separator: " ").count == 1)
    }
}

extension SkiffmonPod {
    /// How the arguments are executed in the container `c`.
    func way(_ arguments: [String], id name: String, terminal: Bool) throws -> ExecRequest.Way {
        guard !isOwnRuntime else {
            return .entry(ContainerEntry(root: "\(path)/runtime", id: id("c"), arguments: arguments))
        }
        let quoted = arguments.map { "\"\($0.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\"" }
        let process = file("c", "\(name).json")
        try AtomicFile.write(
            process,
            """
            {"terminal":\(terminal),"consoleSize":{"height":33,"width":77},"user":{"uid":0,"gid":0},"args":[\(quoted.joined(separator: ","))],
            "env":["PATH=/bin"],"cwd":"/"}
            """)
        let (pidFile, console) = (file("c", "\(name).pid"), terminal ? file("c", "\(name).sock") : nil)
        return .runtime(
            command(
                ["exec", "--detach", "--process", process, "--pid-file", pidFile]
                    + (console.map { ["--console-socket", $0] } ?? []) + [id("c")]),
            pidFile: pidFile, consoleSocket: console)
    }
}
