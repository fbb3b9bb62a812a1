// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Foundation
import Linux
import TestSupport
import Testing

@Suite("skiffrun: life of a container", .requiresRoot)
struct SkiffrunLifecycleTests {
    @Test func runPassesOutputAndStatusAndLeavesNothing() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(script: "echo out; echo err >&2; exit 7")
        let result = try bundle.run("run", "c")
        #expect(result.status == .exited(7))
        #expect(result.outputText == "out\n")
        #expect(result.errorText == "err\n")
        bundle.expectNothingLeft()
    }

    @Test func deathBySignalIs128AndItsNumber() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(script: "sh -c 'kill -9 $$'; exit $?")
        #expect(try bundle.run("run", "c").status == .exited(137))
    }

    @Test func createdRunningStoppedGone() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["sleep", "1000"])
        let pidFile = "\(bundle.scratch)/pid"
        #expect(try bundle.run("create", "--pid-file", pidFile, "--bundle=\(bundle.path)", "c").status.isSuccess)
        #expect(try bundle.status() == "created")
        let pid = try #require(try bundle.state()["pid"] as? Int)
        #expect(try Syscall.readText(pidFile) == "\(pid)")
        #expect(try bundle.run("start", "c").status.isSuccess)
        #expect(try bundle.status() == "running")
        #expect(try bundle.run("list", "-q").outputText == "c\n")
        #expect(try bundle.run("kill", "c", "KILL").status.isSuccess)
        try eventually("container stops") { try bundle.status() == "stopped" }
        #expect(try bundle.run("delete", "c").status.isSuccess)
        bundle.expectNothingLeft()
    }

    @Test func stateIsComplete() throws {
        let bundle = try SkiffrunBundle()
        let pid = try bundle.startSleeper { $0["annotations"] = ["a.b": "c"] }
        let state = try bundle.state()
        #expect(state["id"] as? String == "c")
        #expect(state["pid"] as? Int == Int(pid))
        #expect(state["bundle"] as? String == bundle.path)
        #expect(state["rootfs"] as? String == bundle.rootfs)
        #expect(state["owner"] as? String == "root")
        #expect(state["annotations"] as? [String: String] == ["a.b": "c"])
        #expect(state["ociVersion"] as? String == "1.3.0")
        let created = try #require(state["created"] as? String)
        #expect(created.wholeMatch(of: /20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z/) != nil)
        let list = try bundle.run("list", "--format", "json").output
        let all = try #require(try JSONSerialization.jsonObject(with: Data(list)) as? [[String: Any]])
        #expect(all.count == 1)
        #expect(try bundle.run("list").outputText.hasPrefix("ID   PID"))
    }

    @Test func wrongMomentsAreErrors() throws {
        let bundle = try SkiffrunBundle()
        _ = try bundle.startSleeper()
        expect(try bundle.run("start", "c"), 1, "cannot start an already running container\n")
        expect(try bundle.run("delete", "c"), 1, "cannot delete container c that is not stopped: running\n")
        expect(
            try bundle.run("create", "c"), 1, "skiffrun create failed: container with given ID already exists\n")
        expect(try bundle.run("resume", "c"), 1, "container not paused\n")
        expect(try bundle.run("kill", "c", "FOO"), 1, "unknown signal \"FOO\"\n")
        try bundle.run("kill", "c", "SIGKILL")
        try eventually("container stops") { try bundle.status() == "stopped" }
        expect(try bundle.run("kill", "c"), 1, "container not running\n")
        expect(try bundle.run("start", "c"), 1, "cannot start a container that has stopped\n")
        expect(
            try bundle.run("exec", "c", "true"), 255,
            "exec failed: cannot exec in a stopped container\n")
    }

    @Test(arguments: ["state", "start", "kill", "delete", "pause", "ps"])
    func missingContainer(_ command: String) throws {
        let bundle = try SkiffrunBundle()
        expect(try bundle.run(command, "nobody"), 1, "container does not exist\n")
    }

    @Test func forcedDeletionOfNothingSucceeds() throws {
        let bundle = try SkiffrunBundle()
        expect(try bundle.run("delete", "--force", "nobody"), 0, "")
        _ = try bundle.startSleeper()
        expect(try bundle.run("delete", "-f", "c"), 0, "")
        bundle.expectNothingLeft()
    }

    @Test(arguments: ["a/b", "..", ".", "a b", "é"])
    func badIDs(_ id: String) throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["true"])
        expect(try bundle.run("create", id), 1, "skiffrun create failed: invalid container ID format\n")
        bundle.expectNothingLeft()
    }

    @Test func pauseAndResume() throws {
        let bundle = try SkiffrunBundle()
        _ = try bundle.startSleeper()
        #expect(try bundle.run("pause", "c").status.isSuccess)
        #expect(try bundle.status() == "paused")
        #expect(try bundle.run("exec", "c", "true").errorText.contains("cannot exec in a paused container"))
        #expect(try bundle.run("resume", "c").status.isSuccess)
        #expect(try bundle.status() == "running")
        // SIGKILL ends a paused container too.
        try bundle.run("pause", "c")
        #expect(try bundle.run("kill", "c", "KILL").status.isSuccess)
        try eventually("container stops") { try bundle.status() == "stopped" }
    }

    @Test func aContainerThatWaitsForItsStartIsPausedAndResumed() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["sleep", "1000"])
        try #require(try bundle.run("create", "c").status.isSuccess)
        #expect(try bundle.run("pause", "c").status.isSuccess)
        #expect(try bundle.status() == "paused")
        expect(try bundle.run("pause", "c"), 1, "container not running: it is paused already\n")
        // What entered the frozen cgroup would wait in it.
        #expect(try bundle.run("exec", "c", "true").errorText.contains("cannot exec in a paused container"))
        expect(try bundle.run("start", "c"), 1, "cannot start a paused container: resume it first\n")
        #expect(try bundle.run("resume", "c").status.isSuccess)
        #expect(try bundle.status() == "created")
        #expect(try bundle.run("start", "c").status.isSuccess)
        #expect(try bundle.status() == "running")
        #expect(try bundle.run("delete", "--force", "c").status.isSuccess)
        bundle.expectNothingLeft()
    }

    @Test func errorsGoToTheLogToo() throws {
        let bundle = try SkiffrunBundle()
        let log = "\(bundle.scratch)/log.json"
        let result = try bundle.run("--log=\(log)", "--log-format", "json", "state", "nobody")
        #expect(result.errorText == "container does not exist\n")
        let record = try JSONDecoder().decode([String: String].self, from: Data(try Syscall.readFile(log)))
        #expect(record["level"] == "error")
        #expect(record["msg"] == "container does not exist")
        #expect(record["time"]?.hasSuffix("Z") == true)
    }

    @Test func runtimeThatIsKilledWhileCreatingLeavesNothingThatDeleteMisses() throws {
        let bundle = try SkiffrunBundle()
        let mark = "\(bundle.scratch)/mark"
        let hook = "\(bundle.scratch)/hook"
        let busybox = try #require(ChildPlan.find("busybox", path: "/bin:/usr/bin"))
        try Executable.write(hook, "#!\(busybox) sh\n\(busybox) touch \(mark)\nexec \(busybox) sleep 5\n")
        try bundle.configure(["true"]) { $0["hooks.createRuntime"] = [["path": hook]] }
        let runtime = try ChildProcess(
            ChildPlan(
                Program.skiffrun, [Program.skiffrun, "--root", bundle.root, "create", "c"],
                workingDirectory: bundle.path))
        try eventually("hook runs") { Syscall.exists(mark) }
        #expect(try bundle.status() == "creating")
        expect(try bundle.run("delete", "c"), 1, "cannot delete container c that is not stopped: creating\n")
        try runtime.pidfd.send(.kill)
        _ = try runtime.wait()
        expect(try bundle.run("delete", "--force", "c"), 0, "")
        bundle.expectNothingLeft()
    }

    @Test func versionAndFeatures() throws {
        let bundle = try SkiffrunBundle()
        let version = try bundle.run("--version").outputText.linesList
        #expect(version.first?.hasPrefix("skiffrun version ") == true)
        #expect(version.contains("spec: 1.3.0"))
        #expect(version.last?.hasPrefix("+") == true)
        let features = try bundle.run("features")
        let tree = try #require(try JSONSerialization.jsonObject(with: Data(features.output)) as? [String: Any])
        #expect(tree["ociVersionMax"] as? String == "1.3.0")
        #expect((tree["mountOptions"] as? [String])?.contains("rro") == true)
        let annotations = tree["annotations"] as? [String: String]
        #expect(annotations?["org.opencontainers.runc.checkpoint.enabled"] == "true")
    }

    /// Nothing is loaded before main: the program runs in any root.
    @Test func programIsStatic() throws {
        let bytes = try Syscall.readFile(Program.skiffrun)
        func number(_ offset: Int, _ width: Int) -> Int {
            (0..<width).reversed().reduce(0) { $0 << 8 | Int(bytes[offset + $1]) }
        }
        // Elf64_Ehdr: e_phoff at 32, e_phentsize at 54, e_phnum at 56; Elf64_Phdr: p_type first.
        let types = (0..<number(56, 2)).map { number(number(32, 8) + $0 * number(54, 2), 4) }
        #expect(!types.contains(2), "PT_DYNAMIC")
        #expect(!types.contains(3), "PT_INTERP")
    }
}

/// Exit status and error output as they must be.
func expect(
    _ result: CommandOutput, _ status: Int32, _ errorText: String, sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(result.status == .exited(status), sourceLocation: sourceLocation)
    #expect(result.errorText == errorText, sourceLocation: sourceLocation)
}
