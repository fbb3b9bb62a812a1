// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import MonitorProtocol
import TestSupport
import Testing

/// Commands that run in a container through a monitor.
@Suite(.requiresRoot) struct SkiffmonExecTests {
    /// An exec with pipes of its own.
    struct Exec {
        var number: UInt32
        var stdout: SharedFD
        var stderr: SharedFD
    }

    private func exec(
        _ script: String, in pod: SkiffmonPod, _ client: SkiffmonClient, id: String = "e", timeout: UInt32 = 0,
        stdin: Int32? = nil
    ) throws -> Exec {
        var output = try Pipe()
        var errors = try Pipe()
        guard let outputReader = output.takeReader(), let outputWriter = output.takeWriter(),
            let errorReader = errors.takeReader(), let errorWriter = errors.takeWriter()
        else { throw Errno.EBADF }
        let process = pod.file("c", "\(id).json")
        try AtomicFile.write(
            process,
            """
            {"user":{"uid":0,"gid":0},"args":["/bin/sh","-c","\(script)"],"env":["PATH=/bin"],"cwd":"/"}
            """)
        let pidFile = pod.file("c", "\(id).pid")
        let command = pod.command(["exec", "--detach", "--process", process, "--pid-file", pidFile, pod.id("c")])
        let request = ExecRequest(
            container: "c", execID: id, way: .runtime(command, pidFile: pidFile), timeoutMilliseconds: timeout,
            stdin: stdin != nil)
        let descriptors = [stdin, outputWriter.rawValue, errorWriter.rawValue].compactMap { $0 }
        let number = try client.send(.exec(request), descriptors)
        return Exec(number: number, stdout: SharedFD(outputReader), stderr: SharedFD(errorReader))
    }

    /// The end of an exec after its start.
    private func end(_ exec: Exec, _ client: SkiffmonClient) throws -> ExecExit {
        let started = try client.answer(to: exec.number)
        guard case .execStarted(let pid) = started, pid > 1 else {
            let text = String(decoding: try exec.stderr.descriptor.readAll(limit: 65_536), as: UTF8.self)
            throw SkiffmonPod.NeverReady(answer: "\(started) \(text)")
        }
        guard case .execExited(let exit) = try client.answer(to: exec.number) else { throw SkiffmonPod.Missing() }
        return exit
    }

    private func text(_ fd: SharedFD) throws -> String { String(decoding: try fd.descriptor.readAll(), as: UTF8.self) }

    @Test(arguments: SkiffmonContainerTests.runtimes) func outputAndExitCode(runtime: String) throws {
        let pod = try SkiffmonPod(runtime: runtime)
        let client = try pod.connectAndAdopt()
        try pod.start("c", script: "exec sleep 1000", over: client)
        let exec = try exec("echo out; echo err >&2; exit 3", in: pod, client)
        #expect(try end(exec, client) == ExecExit(code: 3))
        #expect(try text(exec.stdout) == "out\n")
        #expect(try text(exec.stderr) == "err\n")
        #expect(try pod.log("c").isEmpty)
        #expect(!Syscall.exists(pod.file("c", "e.pid")))
    }

    /// A daemon of the build before, which speaks version 1 only.
    @Test func aClientOfTheVersionBeforeIsUnderstood() throws {
        let pod = try SkiffmonPod()
        let client = try SkiffmonClient(path: pod.socketPath, version: 1)
        #expect(try client.ask(.adopt) == .ok)
        try pod.start("c", script: "echo on; exec sleep 1000", over: client)
        let exec = try exec("echo out; exit 3", in: pod, client)
        #expect(try end(exec, client) == ExecExit(code: 3))
        #expect(try text(exec.stdout) == "out\n")
        #expect(try client.ask(.reopenLog(container: "c")) == .ok)
        #expect(try client.ask(.signal(container: "c", signal: 9)) == .ok)
        #expect(try client.exit(of: "c").signal == 9)
    }

    @Test func standardInputIsPassed() throws {
        let pod = try SkiffmonPod()
        let client = try pod.connectAndAdopt()
        try pod.start("c", script: "exec sleep 1000", over: client)
        var input = try Pipe()
        guard let reader = input.takeReader(), let writer = input.takeWriter() else { throw Errno.EBADF }
        let exec = try exec("cat", in: pod, client, stdin: reader.rawValue)
        try writer.writeAll("to and fro")
        try writer.close()
        #expect(try end(exec, client) == ExecExit(code: 0))
        #expect(try text(exec.stdout) == "to and fro")
    }

    @Test(arguments: SkiffmonContainerTests.runtimes) func theTimeLimitKillsTheGroup(runtime: String) throws {
        let pod = try SkiffmonPod(runtime: runtime)
        let client = try pod.connectAndAdopt()
        try pod.start("c", script: "exec sleep 1000", over: client)
        let exec = try exec("sleep 987 & sleep 986", in: pod, client, timeout: 5000)
        let exit = try end(exec, client)
        #expect(exit == ExecExit(code: 137, signal: 9, timedOut: true))
        // The pipe ends only when the background process is gone too.
        #expect(try text(exec.stdout) == "")
        guard case .containers(let list) = try client.ask(.list), case .running? = list.first?.state else {
            throw SkiffmonPod.Missing()
        }
    }

    @Test func theTimeLimitHoldsForTheRuntimeToo() throws {
        let pod = try SkiffmonPod()
        let client = try pod.connectAndAdopt()
        try pod.start("c", script: "exec sleep 1000", over: client)
        let request = ExecRequest(
            container: "c", execID: "e",
            way: .runtime(RuntimeCommand(["/bin/sleep", "1000"]), pidFile: "\(pod.path)/none"),
            timeoutMilliseconds: 100)
        let null = try Syscall.open("/dev/null", .readWrite)
        let number = try client.send(.exec(request), [null.rawValue, null.rawValue])
        #expect(try client.answer(to: number) == .execExited(ExecExit(code: 137, signal: 9, timedOut: true)))
    }

    @Test func muchOutputPassesByTheMonitor() throws {
        let pod = try SkiffmonPod()
        let client = try pod.connectAndAdopt()
        try pod.start("c", script: "exec sleep 1000", over: client)
        let exec = try exec("head -c 20000000 /dev/zero", in: pod, client)
        #expect(try exec.stdout.descriptor.readAll().count == 20_000_000)
        #expect(try end(exec, client) == ExecExit(code: 0))
    }

    @Test func manyAtATime() throws {
        let pod = try SkiffmonPod()
        let client = try pod.connectAndAdopt()
        try pod.start("c", script: "exec sleep 1000", over: client)
        let execs = try (0..<20).map { try exec("exit \($0)", in: pod, client, id: "e\($0)") }
        for (index, exec) in execs.enumerated() { #expect(try end(exec, client) == ExecExit(code: UInt32(index))) }
        let children = try Syscall.readText("/proc/\(pod.pid)/task/\(pod.pid)/children").split(separator: " ")
        #expect(children.count == 1)
    }

    @Test func aFailedExecIsTold() throws {
        let pod = try SkiffmonPod()
        let client = try pod.connectAndAdopt()
        try pod.start("c", script: "exec sleep 1000", over: client)
        let null = try Syscall.open("/dev/null", .readWrite)
        let command = pod.command(["exec", "--detach", "--pid-file", "\(pod.path)/x", pod.id("c"), "/no/such"])
        let request = ExecRequest(container: "c", execID: "e", way: .runtime(command, pidFile: "\(pod.path)/x"))
        guard case .failed(let text, let status) = try client.ask(.exec(request), [null.rawValue, null.rawValue]) else {
            throw SkiffmonPod.Missing()
        }
        #expect(text.contains("exit status"))
        #expect(try #require(status) != 0)
    }

    @Test func aClientThatDoesNotReadIsCutOff() throws {
        let pod = try SkiffmonPod()
        let deaf = try pod.connectAndAdopt()
        // The answers would fill any buffer: a monitor that waited for room would answer nobody else.
        let long = String(repeating: "x", count: 100_000)
        #expect(throws: (any Error).self) { for _ in 0..<1000 { _ = try deaf.send(.forget(container: long)) } }
        #expect(try pod.connect().ask(.list) == .containers([]))
    }
}
