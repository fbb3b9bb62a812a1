// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

/// Readiness on its way from a container to the manager of services, which the test plays. See sd_notify(3).
@Suite("skiffrun: readiness", .requiresRoot)
struct SkiffrunNotifyTests {
    /// Waits for the three messages, and closes the pipe of the barrier.
    private func receive(_ manager: borrowing OwnedFD) throws -> [String] {
        try (0..<3).map { _ in
            try #require(try Syscall.poll(manager.rawValue, for: .readable, milliseconds: 60_000).contains(.readable))
            let socket = UnixSocket(adopting: try manager.duplicate())
            return String(decoding: try socket.receive(upTo: 4096).bytes, as: UTF8.self)
        }
    }

    /// busybox has no client for such sockets; the container gets the host's programs, read-only.
    private func change(_ configuration: inout Configuration) {
        for directory in ["/usr", "/lib", "/lib64"] where Syscall.exists(directory) {
            configuration.addMount(directory, source: directory, ["rbind", "ro"])
        }
        configuration["process.env"] = ["PATH=/bin", "NOTIFY_SOCKET=/not/this"]
    }

    /// Says something else first, and more than it may.
    private static let program = """
        import os, socket, time
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        s.connect(os.environ["NOTIFY_SOCKET"])
        s.send(b"STATUS=warming up")
        s.send(b"STATUS=done\\nMAINPID=1\\nREADY=1\\nSTOPPING=1")
        time.sleep(float(os.environ.get("PAUSE", "1000")))
        """

    private func expect(_ messages: [String], _ pid: String) {
        #expect(messages == ["READY=1\n", "MAINPID=\(pid)\n", "BARRIER=1"])
    }

    @Test(arguments: ["start", "run -d"])
    func readinessIsPassedOn(_ command: String) throws {
        let bundle = try SkiffrunBundle()
        let path = "\(bundle.scratch)/manager"
        let manager = try UnixSocket.bindDatagrams(path, mode: 0o600)
        try bundle.configure(["/usr/bin/python3", "-c", Self.program]) { change(&$0) }
        if command == "start" {
            try #require(try bundle.run(after: "export NOTIFY_SOCKET=\(path)", ["create", "c"]).status.isSuccess)
        }
        let words = command.split(separator: " ").map(String.init) + ["c"]
        let plan = ChildPlan(
            Program.skiffrun, [Program.skiffrun, "--root", bundle.root] + words,
            environment: ["PATH=/bin:/usr/bin", "NOTIFY_SOCKET=\(path)"], descriptors: [0, 1, 2],
            workingDirectory: bundle.path)
        let runtime = try ChildProcess(plan)
        let messages = try receive(manager)
        #expect(try runtime.wait() == .exited(0))
        expect(messages, "\(try #require(try bundle.state()["pid"] as? Int))")
    }

    @Test func readinessOfTheForeground() throws {
        let bundle = try SkiffrunBundle()
        let path = "\(bundle.scratch)/manager"
        let manager = try UnixSocket.bindDatagrams(path, mode: 0o600)
        try bundle.configure(["/usr/bin/python3", "-c", Self.program]) {
            change(&$0)
            $0.append("process.env", "PAUSE=0")
        }
        let pidFile = "\(bundle.scratch)/pid"
        let result = try bundle.run(after: "export NOTIFY_SOCKET=\(path)", ["run", "--pid-file", pidFile, "c"])
        #expect(result.status.isSuccess, "\(result.errorText)")
        expect(try receive(manager), try Syscall.readText(pidFile))
    }

    /// Nobody is ready, and nobody waits for ever.
    @Test func endWithoutReadiness() throws {
        let bundle = try SkiffrunBundle()
        let path = "\(bundle.scratch)/manager"
        let manager = try UnixSocket.bindDatagrams(path, mode: 0o600)
        try bundle.configure(["true"])
        #expect(try bundle.run(after: "export NOTIFY_SOCKET=\(path)", ["run", "-d", "c"]).status.isSuccess)
        #expect(try Syscall.poll(manager.rawValue, for: .readable, milliseconds: 0).isEmpty)
    }
}
