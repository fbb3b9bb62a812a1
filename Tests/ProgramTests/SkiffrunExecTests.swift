// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Foundation
import Linux
import TestSupport
import Testing

@Suite("skiffrun: exec, terminals, hooks", .requiresRoot)
struct SkiffrunExecTests {
    @Test func statusOutputAndOptions() throws {
        let bundle = try SkiffrunBundle()
        _ = try bundle.startSleeper()
        #expect(try bundle.run("exec", "c", "sh", "-c", "exit 9").status == .exited(9))
        #expect(try bundle.run("exec", "c", "sh", "-c", "kill -TERM $$").status == .exited(143))
        let options = ["-u", "1000:1001", "-g", "7", "--env", "A=B", "-e=C=D", "--cwd=/tmp", "--cap", "CAP_KILL"]
        let script = "id -u; id -g; id -G; echo $A$C; pwd; echo $HOME; grep CapBnd /proc/self/status"
        let text = try bundle.run(["exec"] + options + ["c", "sh", "-c", script]).outputText.linesList
        #expect(text == ["1000", "1001", "1001 7", "BD", "/tmp", "/home/ada", "CapBnd:\t0000000020000420"])
    }

    @Test func failuresAre255() throws {
        let bundle = try SkiffrunBundle()
        _ = try bundle.startSleeper()
        let prefix = "exec failed: unable to start container process: "
        expect(
            try bundle.run("exec", "c", "nothere"), 255,
            prefix + "exec: \"nothere\": executable file not found in $PATH\n")
        expect(
            try bundle.run("exec", "--cwd", "/none", "c", "true"), 255,
            prefix + "chdir to cwd (\"/none\") set in config.json failed: no such file or directory\n")
        #expect(try bundle.run("exec", "-u", "-1", "c", "true").status == .exited(255))
        #expect(try bundle.run("exec", "--cgroup", "../x", "c", "true").status == .exited(255))
        let pidFile = "\(bundle.scratch)/pid"
        #expect(try bundle.run("exec", "-d", "--pid-file", pidFile, "c", "nothere").status == .exited(255))
        #expect(!Syscall.exists(pidFile))
    }

    /// CVE-2019-5736: the interpreter of the script is the runtime itself, which is then executed in the container.
    @Test func fileOfTheRuntimeIsOutOfReach() throws {
        let bundle = try SkiffrunBundle()
        let before = try Syscall.status(Program.skiffrun)
        try Executable.write("\(bundle.rootfs)/bin/evil", "#!/proc/self/exe\n")
        _ = try bundle.startSleeper { $0.setCapabilities(["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE"]) }
        let watch = """
            while [ ! -e /tmp/end ]; do
                for p in /proc/[0-9]*; do
                    case $(readlink $p/exe) in */busybox|"") ;; *) (echo x >>$p/exe) && touch /tmp/written ;; esac
                done
            done
            """
        #expect(try bundle.run("exec", "-d", "c", "sh", "-c", watch).status.isSuccess)
        for _ in 0..<10 { try bundle.run("exec", "c", "evil", "state", "x") }
        try AtomicFile.write("\(bundle.rootfs)/tmp/end", "")
        #expect(!Syscall.exists("\(bundle.rootfs)/tmp/written"))
        let after = try Syscall.status(Program.skiffrun)
        #expect(after.size == before.size && after.modified == before.modified)
    }

    @Test func detachedWithAProcessFile() throws {
        let bundle = try SkiffrunBundle()
        let container = try bundle.startSleeper()
        let file = "\(bundle.scratch)/process.json"
        let pidFile = "\(bundle.scratch)/pid"
        try AtomicFile.write(file, #"{"args": ["sleep", "3000"], "cwd": "/", "env": ["PATH=/bin"]}"#)
        #expect(try bundle.run("exec", "-d", "--process", file, "--pid-file", pidFile, "c").status.isSuccess)
        let pid = try #require(Int32(try Syscall.readText(pidFile)))
        for kind in ["mnt", "pid", "net", "ipc", "uts", "cgroup"] {
            #expect(
                try Syscall.readLink("/proc/\(pid)/ns/\(kind)") == Syscall.readLink("/proc/\(container)/ns/\(kind)"))
        }
        #expect(try bundle.run("ps", "--format=json", "c").outputText.contains("\(pid)"))
        // It ends with the container.
        #expect(try bundle.run("delete", "-f", "c").status.isSuccess)
        try eventually("process ends") { (try? ProcStat(pid).isDead) ?? true }
        bundle.expectNothingLeft()
    }

    @Test func terminalThroughASocket() throws {
        let bundle = try SkiffrunBundle()
        let path = "\(bundle.scratch)/console"
        let listener = try UnixSocket.listen(path)
        try bundle.configure(script: "tty; stty size; stat -c %t /dev/console; readlink /proc/self/fd/0; sleep 1000") {
            $0["process.terminal"] = true
            $0["process.consoleSize"] = ["height": 10, "width": 110]
        }
        #expect(try bundle.run("create", "--console-socket", path, "c").status.isSuccess)
        let message = try listener.accept().receive(upTo: 100)
        #expect(String(decoding: message.bytes, as: UTF8.self) == "/dev/pts/0")
        let master = try #require(message.descriptors.first)
        #expect(try bundle.run("start", "c").status.isSuccess)
        #expect(
            try read(master, until: "fd/0\r\n", or: "/dev/pts/0\r\n", count: 4) == [
                "/dev/pts/0", "10 110", "88", "/dev/pts/0",
            ])
    }

    @Test func execWithATerminal() throws {
        let bundle = try SkiffrunBundle()
        _ = try bundle.startSleeper()
        let path = "\(bundle.scratch)/console"
        let listener = try UnixSocket.listen(path)
        let result = try bundle.run(
            "exec", "-t", "-d", "--console-socket", path, "c", "sh", "-c", "tty; read x; echo got $x; sleep 1000")
        #expect(result.status.isSuccess, "\(result.errorText)")
        let master = try #require(try listener.accept().receive(upTo: 100).descriptors.first)
        try master.descriptor.writeAll("word\n")
        let lines = try read(master, until: "", or: "", count: 3)
        #expect(lines.contains("/dev/pts/0"))
        #expect(lines.contains("got word"))
    }

    /// Lines from the terminal until there are so many.
    private func read(_ master: SharedFD, until: String, or: String, count: Int) throws -> [String] {
        var text = ""
        try eventually("\(count) lines") {
            if try Syscall.poll(master.rawValue, for: .readable, milliseconds: 100).contains(.readable) {
                text += String(decoding: try master.descriptor.read(upTo: 4096), as: UTF8.self)
            }
            return text.filter { $0 == "\n" || $0 == "\r\n" }.count >= count
        }
        return text.split(whereSeparator: \.isNewline).map(String.init)
    }

    @Test func terminalInTheForeground() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(script: "tty; exit 3") { $0["process.terminal"] = true }
        let result = try bundle.run("run", "c")
        #expect(result.status == .exited(3))
        // Newlines as the program wrote them.
        #expect(result.outputText == "/dev/pts/0\n")
        bundle.expectNothingLeft()
    }

    @Test func signalsAreForwarded() throws {
        let bundle = try SkiffrunBundle()
        let mark = "\(bundle.rootfs)/tmp/mark"
        try bundle.configure(script: "trap 'exit 33' TERM; touch /tmp/mark; while true; do sleep 1; done")
        let runtime = try ChildProcess(
            ChildPlan(
                Program.skiffrun, [Program.skiffrun, "--root", bundle.root, "run", "c"], workingDirectory: bundle.path))
        try eventually("container runs") { Syscall.exists(mark) }
        try runtime.pidfd.send(.terminate)
        #expect(try runtime.wait() == .exited(33))
        bundle.expectNothingLeft()
    }

    @Test func hooksInTheirOrderWithTheState() throws {
        let bundle = try SkiffrunBundle()
        let busybox = try #require(ChildPlan.find("busybox", path: "/bin:/usr/bin"))
        let log = "\(bundle.scratch)/log"
        let kinds = ["prestart", "createRuntime", "createContainer", "poststart", "poststop"]
        // In the container the only place that the host sees too is the rootfs.
        try bundle.configure(script: "echo program >>/tmp/log") {
            for kind in kinds {
                let script = "echo \(kind) $(\(busybox) cat | \(busybox) grep -o '\"status\":\"[a-z]*') >>\(log)"
                $0["hooks.\(kind)"] = [["path": busybox, "args": ["sh", "-c", script]]]
            }
            $0["hooks.startContainer"] = [
                ["path": "/bin/sh", "args": ["sh", "-c", "echo $A >>/tmp/log"], "env": ["A=startContainer"]]
            ]
        }
        #expect(try bundle.run("create", "c").status.isSuccess)
        #expect(!Syscall.exists("\(bundle.rootfs)/tmp/log"))
        #expect(try bundle.run("start", "c").status.isSuccess)
        try eventually("container stops") { try bundle.status() == "stopped" }
        #expect(try bundle.run("delete", "c").status.isSuccess)
        let expected = zip(kinds, ["creating", "creating", "creating", "running", "stopped"]).map {
            "\($0) \"status\":\"\($1)"
        }
        #expect(try Syscall.readText(log).linesList == expected)
        #expect(try Syscall.readText("\(bundle.rootfs)/tmp/log") == "startContainer\nprogram\n")
    }

    @Test(arguments: ["prestart", "createRuntime", "createContainer"])
    func failingHookFailsCreate(_ kind: String) throws {
        let bundle = try SkiffrunBundle()
        let busybox = try #require(ChildPlan.find("busybox", path: "/bin:/usr/bin"))
        try bundle.configure(["true"]) {
            $0["hooks.\(kind)"] = [["path": busybox, "args": ["sh", "-c", "echo out; echo err >&2; exit 4"]]]
        }
        expect(
            try bundle.run("create", "c"), 1,
            "skiffrun create failed: error running \(kind) hook #0: exit status 4, stdout: out\n, stderr: err\n\n")
        bundle.expectNothingLeft()
    }

    @Test func hookThatTakesTooLong() throws {
        let bundle = try SkiffrunBundle()
        let busybox = try #require(ChildPlan.find("busybox", path: "/bin:/usr/bin"))
        try bundle.configure(["true"]) {
            $0["hooks.createRuntime"] = [["path": busybox, "args": ["sleep", "1000"], "timeout": 1]]
        }
        #expect(try bundle.run("create", "c").errorText.contains("hook ran past specified timeout of 1s"))
        bundle.expectNothingLeft()
    }

    @Test func failingPoststartHookEndsTheContainer() throws {
        let bundle = try SkiffrunBundle()
        let busybox = try #require(ChildPlan.find("busybox", path: "/bin:/usr/bin"))
        try bundle.configure(["sleep", "1000"]) {
            $0["hooks.poststart"] = [["path": busybox, "args": ["false"]]]
        }
        #expect(try bundle.run("create", "c").status.isSuccess)
        #expect(try bundle.run("start", "c").errorText.contains("error running poststart hook #0: exit status 1"))
        try eventually("container stops") { try bundle.status() == "stopped" }
    }
}
