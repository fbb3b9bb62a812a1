// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

/// "Hooks" of config.md and "Lifecycle" of runtime.md of the runtime specification.
@Suite("skiffrun: hooks", .requiresRoot)
struct SkiffrunHookTests {
    static let outside = ["prestart", "createRuntime", "poststart", "poststop"]

    private func busybox() throws -> String { try #require(ChildPlan.find("busybox", path: "/bin:/usr/bin")) }

    private func hook(_ script: String, _ more: [String: Any] = [:]) throws -> [String: Any] {
        ["path": try busybox(), "args": ["sh", "-c", script]].merging(more) { $1 }
    }

    private func runThrough(_ bundle: SkiffrunBundle) throws {
        for command in ["create", "start"] {
            let result = try bundle.run(command, "c")
            #expect(result.status.isSuccess, "\(result.errorText)")
        }
        try eventually("container stops") { try bundle.status() == "stopped" }
        #expect(try bundle.run("delete", "c").status.isSuccess)
        bundle.expectNothingLeft()
    }

    /// Four kinds run where the runtime is; createContainer's mounts are the container's, before its root is; startContainer
    /// is inside altogether.
    @Test func namespaces() throws {
        let bundle = try SkiffrunBundle()
        let busybox = try busybox()
        let log = "\(bundle.scratch)/log"
        func links(_ busybox: String) -> String {
            "for kind in mnt pid uts; do \(busybox) readlink /proc/self/ns/$kind; done"
        }
        try bundle.configure(script: "echo container $(\(links("busybox"))) >>/tmp/log") {
            for kind in Self.outside + ["createContainer"] {
                $0["hooks.\(kind)"] = [try hook("echo \(kind) $(\(links(busybox))) >>\(log)")]
            }
            $0["hooks.startContainer"] = [
                [
                    "path": "/bin/sh", "env": ["PATH=/bin"],
                    "args": ["sh", "-c", "echo startContainer $(\(links("busybox"))) >>/tmp/log"],
                ]
            ]
        }
        try runThrough(bundle)
        let own = try ["mnt", "pid", "uts"].map { try Syscall.readLink("/proc/self/ns/\($0)") }
        let inside = try Syscall.readText("\(bundle.rootfs)/tmp/log").linesList.map {
            $0.split(separator: " ").map(String.init)
        }
        try #require(inside.count == 2)
        #expect(inside[0].dropFirst() == inside[1].dropFirst())
        #expect(zip(inside[1].dropFirst(), own).allSatisfy { $0 != $1 })
        for line in try Syscall.readText(log).linesList {
            let words = line.split(separator: " ").map(String.init)
            let expected = words.first == "createContainer" ? Array(inside[1].dropFirst()) : own
            #expect(Array(words.dropFirst()) == expected, "\(line)")
        }
    }

    /// createRuntime sees the container's namespaces made and its root not changed yet, createContainer the mounts too.
    @Test func whatIsThereWhenTheyRun() throws {
        let bundle = try SkiffrunBundle()
        let log = "\(bundle.scratch)/log"
        let busybox = try busybox()
        try bundle.configure(["true"]) {
            $0["hooks.createRuntime"] = [
                try hook(
                    """
                    pid=$(\(busybox) sed 's/.*"pid":\\([0-9]*\\).*/\\1/'); \(busybox) cat /proc/$pid/cgroup >>\(log)
                    \(busybox) test "$(\(busybox) readlink /proc/$pid/root)" = / && echo host root >>\(log)
                    \(busybox) readlink /proc/$pid/cwd >/dev/null
                    """)
            ]
            $0["hooks.createContainer"] = [
                try hook("\(busybox) grep -c ' \(bundle.rootfs)/proc ' /proc/self/mountinfo >>\(log)")
            ]
        }
        try runThrough(bundle)
        let lines = try Syscall.readText(log).linesList
        #expect(lines.contains { $0.hasSuffix("\(bundle.cgroup)/c") })
        #expect(Array(lines.suffix(2)) == ["host root", "1"])
    }

    @Test(arguments: outside + ["createContainer"])
    func environmentArgumentsAndDirectory(_ kind: String) throws {
        let bundle = try SkiffrunBundle()
        let log = "\(bundle.scratch)/log"
        let busybox = try busybox()
        try bundle.configure(["true"]) {
            let script = "echo $0 $A $B$C $(\(busybox) pwd) >\(log)"
            $0["hooks.\(kind)"] = [
                ["path": busybox, "args": ["sh", "-c", script, "zero"], "env": ["A=1", "B=x=y"]],
                ["path": busybox, "args": ["touch", "\(log).second"]],
            ]
        }
        try runThrough(bundle)

        #expect(try Syscall.readText(log) == "zero 1 x=y \(bundle.path)\n")
        #expect(Syscall.exists("\(log).second"), "all of a kind run, one after the other")
    }

    /// A hook that does not read its standard input must not end the runtime with SIGPIPE: the state is larger than what
    /// a pipe holds.
    @Test(arguments: outside + ["createContainer", "startContainer"])
    func hookThatDoesNotRead(_ kind: String) throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["true"]) {
            $0["annotations"] = ["large": String(repeating: "x", count: 300_000)]
            $0["hooks.\(kind)"] = [["path": "/bin/true", "args": ["true"]]]
        }
        try runThrough(bundle)
    }

    @Test(arguments: ["prestart", "createRuntime", "createContainer"])
    func laterHooksDoNotRunAfterAFailure(_ kind: String) throws {
        let bundle = try SkiffrunBundle()
        let mark = "\(bundle.scratch)/mark"
        try bundle.configure(["true"]) {
            $0["hooks.\(kind)"] = [try hook("kill -9 $$"), try hook(">\(mark)")]
            $0["hooks.startContainer"] = [["path": "/bin/touch", "args": ["touch", "/tmp/mark"]]]
        }
        let result = try bundle.run("run", "c")
        #expect(result.errorText.contains("error running \(kind) hook #0: signal: SIGKILL"), "\(result.errorText)")
        #expect(!Syscall.exists(mark) && !Syscall.exists("\(bundle.rootfs)/tmp/mark"))
        bundle.expectNothingLeft()
    }

    @Test(arguments: ["prestart", "createRuntime", "createContainer", "poststart"])
    func timeouts(_ kind: String) throws {
        let bundle = try SkiffrunBundle()
        let mark = "\(bundle.scratch)/mark"
        let busybox = try busybox()
        try bundle.configure(["sleep", "1000"]) {
            // The hook's own child goes with it.
            $0["hooks.\(kind)"] = [try hook("\(busybox) sleep 1000; echo >\(mark)", ["timeout": 1])]
        }
        let result = try bundle.run("run", "--detach", "c")
        #expect(result.errorText.contains("error running \(kind) hook #0: hook ran past specified timeout of 1s"))
        #expect(!Syscall.exists(mark))
        bundle.expectNothingLeft()
    }

    @Test func longTimeoutsAreTaken() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["true"]) {
            $0["hooks.createRuntime"] = [try hook("true", ["timeout": 9_000_000_000_000_000_000])]
        }
        try runThrough(bundle)
    }

    /// "poststop" comes when all is gone, and its failure does not hold up the others nor the deletion.
    @Test func poststopComesLast() throws {
        let bundle = try SkiffrunBundle()
        let log = "\(bundle.scratch)/log"
        let busybox = try busybox()
        try bundle.configure(["true"]) {
            $0["hooks.poststop"] = [
                try hook("\(busybox) ls \(bundle.root) >\(log); exit 3"), try hook("echo second >>\(log)"),
            ]
        }
        try runThrough(bundle)
        #expect(try Syscall.readText(log) == "second\n")
    }

    /// Also where hooks inside the container come before it and take their time.
    @Test func poststartComesWhenTheProgramRuns() throws {
        let bundle = try SkiffrunBundle()
        let log = "\(bundle.scratch)/log"
        let busybox = try busybox()
        try bundle.configure(["sleep", "1000"]) {
            $0["hooks.startContainer"] = [["path": "/bin/sleep", "args": ["sleep", "1"]]]
            let script =
                "pid=$(\(busybox) sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/'); \(busybox) cat /proc/$pid/comm >>\(log)"
            $0["hooks.poststart"] = [try hook(script)]
        }
        for command in ["create", "start"] { #expect(try bundle.run(command, "c").status.isSuccess) }
        #expect(try Syscall.readText(log) == "sleep\n")
    }

    @Test func programThatIsNotThere() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["true"]) { $0["hooks.createRuntime"] = [["path": "/no/hook"]] }
        let result = try bundle.run("create", "c")
        #expect(
            result.errorText.contains(
                "error running createRuntime hook #0: exec \"/no/hook\": no such file or directory"))
        bundle.expectNothingLeft()
    }

    @Test func failingStartContainerHookStopsTheContainer() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["touch", "/tmp/mark"]) { $0["hooks.startContainer"] = [["path": "/bin/false"]] }
        #expect(try bundle.run("create", "c").status.isSuccess)
        _ = try bundle.run("start", "c")
        try eventually("container stops") { try bundle.status() == "stopped" }
        #expect(!Syscall.exists("\(bundle.rootfs)/tmp/mark"))
        #expect(try bundle.run("delete", "c").status.isSuccess)
        bundle.expectNothingLeft()
    }
}
