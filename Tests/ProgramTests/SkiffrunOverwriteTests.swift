// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

/// The host's copy of the runtime must stay as it is, whatever executes it inside a container (CVE-2019-5736).
@Suite("skiffrun: overwriting the runtime", .requiresRoot)
struct SkiffrunOverwriteTests {
    /// Waits for a process that runs something else than busybox, opens what it runs, lets it end (it waits for a reader
    /// of /tmp/fifo), and writes to the file. While a program runs nobody can, so it is tried for some time. A process
    /// that is gone before its file is open is not the last: creating a container may bear one that only opens a procfs.
    private static let attack = """
        attack() {
            echo "$l" >/tmp/link
            head -n 1 /tmp/fifo >/dev/null
            while [ -n "$(readlink $p/exe)" ]; do :; done
            i=0
            while [ $i -lt 40 ]; do
                if echo overwritten >/proc/self/fd/5; then echo yes >/tmp/result; exit; fi
                i=$((i+1)); sleep 0.05
            done 2>/tmp/errors
            echo no >/tmp/result
            sleep 1000
        }
        while :; do
            for p in /proc/[0-9]*; do
                l=$(readlink $p/exe)
                case "$l" in */busybox|"") ;; *) attack 5<$p/exe ;; esac
            done
        done
        """

    /// Runs a copy of the runtime, which a test may lose.
    private func run(_ program: String, _ bundle: SkiffrunBundle, _ arguments: String...) throws {
        try run([program, "--root", bundle.root] + arguments, bundle)
    }

    private func run(_ command: [String], _ bundle: SkiffrunBundle) throws {
        let plan = ChildPlan(
            command[0], command, environment: ["PATH=/bin:/usr/bin"],
            workingDirectory: bundle.path)
        let result = try CommandOutput.run(plan, timeoutMilliseconds: 60_000)
        try #require(result.status.isSuccess, "\(result.errorText)")
    }

    private func prepare(_ bundle: SkiffrunBundle) throws -> String {
        let program = "\(bundle.scratch)/skiffrun"
        try Program.copy(Program.skiffrun, to: program)
        try Syscall.makeNode("\(bundle.rootfs)/tmp/fifo", mode: 0o010666, device: DeviceNumber(major: 0, minor: 0))
        // As powerful as a container may be: ptrace opens every process of its PID namespace.
        try bundle.configure(script: Self.attack) { $0.setCapabilities(["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE"]) }
        try run(program, bundle, "create", "c")
        try run(program, bundle, "start", "c")
        return program
    }

    /// The execution from the read-only mount comes first of all: nothing of the C library or of Swift starts twice.
    @Test func theProtectionPrecedesTheCLibrary() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["true"])
        let trace = "\(bundle.scratch)/trace"
        let strace = try #require(ChildPlan.find("strace", path: "/usr/bin:/bin"))
        try run([strace, "-o", trace, Program.skiffrun, "--root", bundle.root, "run", "c"], bundle)
        let calls = try Syscall.readText(trace).split(separator: "\n").map { $0.prefix { $0 != "(" } }
        #expect(calls.prefix(5) == ["execve", "statfs", "open_tree", "mount_setattr", "execveat"])
    }

    private func expectSame(_ program: String, _ bundle: SkiffrunBundle) throws {
        try eventually("attack ends") { (try? Syscall.readText("\(bundle.rootfs)/tmp/result"))?.isEmpty == false }
        #expect(try Syscall.readText("\(bundle.rootfs)/tmp/result") == "no\n")
        #expect(try Syscall.readText("\(bundle.rootfs)/tmp/errors").contains("Read-only file system"))
        #expect(try Syscall.readFile(program) == Syscall.readFile(Program.skiffrun))
        // The protection is a mount, not a copy, which would cost more than all the rest of a start.
        #expect(try !Syscall.readText("\(bundle.rootfs)/tmp/link").contains("memfd"))
    }

    @Test func execIntoAHostileContainer() throws {
        let bundle = try SkiffrunBundle()
        try AtomicFile.write("\(bundle.rootfs)/bin/app", "#!/proc/self/exe --log=/tmp/fifo\n", mode: 0o755)
        let program = try prepare(bundle)
        try run(program, bundle, "exec", "-d", "c", "/bin/app")
        try expectSame(program, bundle)
    }

    @Test func imageThatRunsTheRuntime() throws {
        let bundle = try SkiffrunBundle()
        let program = try prepare(bundle)
        let pid = try #require(try bundle.state()["pid"] as? Int)
        try bundle.configure(["/proc/self/exe", "--log=/tmp/fifo", "state", "x"], id: "victim") {
            $0.setNamespace("pid", path: "/proc/\(pid)/ns/pid")
        }
        try run(program, bundle, "create", "victim")
        try run(program, bundle, "start", "victim")
        try expectSame(program, bundle)
    }
}
