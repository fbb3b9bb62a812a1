// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import EngineConfiguration
import FoundationEssentials
import Linux
import MonitorProtocol
import TestSupport
import Testing

@testable import CRIService

struct RuntimeHandlerTests {
    static let handler = RuntimeHandler(name: "crun", path: "/usr/bin/crun", root: "/run/skiff/runtime")
    static let paths = Paths(root: "/var/lib/skiff", run: "/run/skiff")

    private func check(_ command: RuntimeCommand, log: String, _ words: [String]) {
        #expect(
            command.arguments
                == ["/usr/bin/crun", "--root", "/run/skiff/runtime", "--log", log, "--log-format", "json"] + words)
        #expect(command.environment == ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"])
    }

    @Test func writesCommandLines() {
        let (bundle, log) = ("/run/skiff/containers/c1", "/run/skiff/containers/c1/runtime.log")
        check(
            Self.handler.create("c1", Self.paths, console: nil), log: log,
            ["create", "--bundle", bundle, "--pid-file", "\(bundle)/pid", "c1"])
        check(
            Self.handler.create("c1", Self.paths, console: "/c.sock"), log: log,
            ["create", "--bundle", bundle, "--pid-file", "\(bundle)/pid", "--console-socket", "/c.sock", "c1"])
        check(Self.handler.start("c1", Self.paths), log: log, ["start", "c1"])
        check(Self.handler.delete("c1", Self.paths), log: log, ["delete", "--force", "c1"])
        check(
            Self.handler.exec("c1", process: "/p.json", pidFile: "/p.pid", console: nil, log: "/p.log"), log: "/p.log",
            ["exec", "--detach", "--process", "/p.json", "--pid-file", "/p.pid", "c1"])
        check(
            Self.handler.exec("c1", process: "/p.json", pidFile: "/p.pid", console: "/c.sock", log: "/p.log"),
            log: "/p.log",
            [
                "exec", "--detach", "--process", "/p.json", "--pid-file", "/p.pid", "--console-socket", "/c.sock", "c1",
            ])
    }

    @Test func asksForSystemdWhereThePodIsInASlice() {
        let driven = Self.handler.driving(PodCgroup(path: "/skiff.slice/skiff-p1.slice", isOwn: true))
        #expect(driven.start("c1", Self.paths).arguments.suffix(3) == ["--systemd-cgroup", "start", "c1"])
        #expect(driven.driving(PodCgroup(path: "/skiff/p1", isOwn: true)) == Self.handler)
    }

    @Test func hasVariablesOfTheConfiguration() {
        var config = RuntimeHandlerConfig(path: "/usr/bin/crun", root: "/r")
        config.environment = ["A=1"]
        let path = "PATH=\(RuntimeHandler.searchPath)"
        let handler = RuntimeHandler(name: "crun", config)
        #expect(handler.start("c1", Self.paths).environment == [path, "A=1"])
        #expect(handler.features().environment == [path, "A=1"])
        config.environment = ["PATH=/opt/bin", "A=1"]
        #expect(RuntimeHandler(name: "crun", config).delete("c1", Self.paths).environment == ["PATH=/opt/bin", "A=1"])
    }

    /// The program and the `--root` of a row, whether the handler is still configured, and those that count.
    @Test(
        arguments: [
            ("", "", true, "/bin/sh", "/new"), ("/bin/cat", "/old", true, "/bin/cat", "/old"),
            ("/gone/crun", "/old", true, "/bin/sh", "/old"), ("/bin/cat", "/old", false, "/bin/cat", "/old"),
            ("/gone/crun", "/old", false, "crun", "/old"), ("", "", false, "crun", "/run/skiff/runtime-crun"),
        ] as [(String, String, Bool, String, String)])
    func aPodKeepsItsRuntime(path: String, root: String, isConfigured: Bool, usedPath: String, usedRoot: String) {
        var record = PodRecord(
            id: "p", name: "n", state: .ready, createdAt: 0, handler: "crun", config: Data(), cgroup: "/p",
            ownsCgroup: true)
        (record.runtimePath, record.runtimeRoot) = (path, root)
        let configured = RuntimeHandler(name: "crun", path: "/bin/sh", root: "/new", environment: ["A=1"])
        let handler = RuntimeHandler(of: record, configured: isConfigured ? configured : nil, run: "/run/skiff")
        #expect(handler.path == usedPath && handler.root == usedRoot && handler.name == "crun")
        #expect(handler.environment == (isConfigured ? ["A=1"] : []))
    }

    @Test(arguments: [("/usr/bin/skiffrun", true), ("/usr/bin/crun", false), ("/opt/skiffrun/runc", false)])
    func knowsTheOwnRuntime(path: String, isOwn: Bool) {
        #expect(RuntimeHandler(name: "x", path: path, root: "/r").isOwnRuntime == isOwn)
    }

    @Test(
        arguments: [
            ("", nil), (#"{"level":"error","msg":"no such file","time":"2026-01-01T00:00:00Z"}"#, "no such file"),
            (
                #"""
                {"level":"warning","msg":"w"}
                {"level":"error","msg":"first"}
                {"level":"error","msg":"last: \"quoted\" ä"}
                {"level":"info","msg":"i"}
                {"level":"error","msg":""}
                not JSON
                {"level":"err
                """#, "last: \"quoted\" ä"
            ), (#"{"level":"warning","msg":"w"}"#, nil), (#"{"level":"error"}"#, nil), (#"{"msg":"m"}"#, nil),
            (#"["error"]"#, nil), (#"{"level":3,"msg":"m"}"#, nil),
        ] as [(String, String?)])
    func findsTheLastError(text: String, message: String?) { #expect(RuntimeLog.lastError(in: text) == message) }

    @Test func readsTheFile() throws {
        let folder = try TemporaryDirectory()
        #expect(RuntimeLog.lastError("\(folder.path)/none") == nil)
        try AtomicFile.write("\(folder.path)/log", #"{"level":"error","msg":"m"}"# + "\n")
        #expect(RuntimeLog.lastError("\(folder.path)/log") == "m")
    }
}
