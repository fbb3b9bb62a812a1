// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

@Suite struct ChildProcessTests {
    private func shell(_ script: String) -> ChildPlan {
        ChildPlan("/bin/sh", ["sh", "-c", script], environment: ["PATH=/usr/bin:/bin"])
    }

    @Test func capturesBothOutputsAndTheStatus() throws {
        let result = try CommandOutput.run(shell("cat; echo oops >&2; exit 7"), input: Array("hello".utf8))
        #expect(result.outputText == "hello")
        #expect(result.errorText == "oops\n")
        #expect(result.status == .exited(7))
        #expect(!result.timedOut)
    }

    @Test func reportsTheErrorOfExec() {
        #expect(throws: Errno.ENOENT) { _ = try ChildProcess(ChildPlan("/does/not/exist", ["x"])) }
        #expect(throws: Errno.EACCES) { _ = try ChildProcess(ChildPlan("/etc/passwd", ["x"])) }
    }

    @Test func leavesNoChildBehindWhenExecFails() throws {
        let before = try childrenOfThisThread()
        #expect(throws: Errno.ENOENT) { _ = try ChildProcess(ChildPlan("/does/not/exist", ["x"])) }
        #expect(try childrenOfThisThread().subtracting(before).isEmpty)
    }

    /// Other tests use this thread too, one after the other, and may have children of their own here.
    private func childrenOfThisThread() throws -> Set<Substring> {
        try Set(Syscall.readText("/proc/thread-self/children").split(separator: " "))
    }

    @Test func movesMoreThanAPipeHolds() throws {
        let input = [UInt8](repeating: 65, count: 3_000_000)
        let result = try CommandOutput.run(ChildPlan("/bin/cat", ["cat"]), input: input)
        #expect(result.output == input)
    }

    @Test func capsTheOutputAndLetsTheProgramFinish() throws {
        let result = try CommandOutput.run(
            shell("head -c 1000000 /dev/zero; echo done >&2"), limit: 1000)
        #expect(result.output.count == 1000)
        #expect(result.errorText == "done\n")
    }

    @Test func killsTheGroupAtTheDeadline() throws {
        let result = try CommandOutput.run(shell("sleep 1000 & echo $!; wait"), timeoutMilliseconds: 300)
        #expect(result.timedOut)
        #expect(result.status == .signaled(9))
        let background = try #require(Int32(result.outputText.split(separator: "\n").first ?? ""))
        try eventually("the background child is gone") { !Syscall.exists("/proc/\(background)") }
    }

    @Test func doesNotWaitForAGrandchildThatHoldsThePipe() throws {
        let result = try CommandOutput.run(shell("sleep 1000 & echo $!"))
        #expect(result.status == .exited(0))
        let background = try #require(Int32(result.outputText.split(separator: "\n").first ?? ""))
        try Syscall.kill(background, .kill)
    }

    @Test func doesNotReadForEverWhatAGrandchildWrites() throws {
        let result = try CommandOutput.run(shell("yes & echo $! >&2"), limit: 1000)
        #expect(result.status == .exited(0))
        let background = try #require(Int32(result.errorText.split(separator: "\n").first ?? ""))
        // Nobody reads its pipe any more.
        try eventually("the background child is gone") { !Syscall.exists("/proc/\(background)") }
    }

    @Test func givesOnlyTheMappedDescriptors() throws {
        let extra = try Syscall.open("/dev/null", .readOnly)
        let result = try CommandOutput.run(shell("ls /proc/self/fd | sort -n | tr '\\n' ' '"))
        // 3 is ls' own handle on the directory.
        #expect(result.outputText == "0 1 2 3 ")
        _ = extra
    }

    @Test func resetsSignalsForTheChild() throws {
        let result = try CommandOutput.run(shell("grep -E '^Sig(Blk|Ign)' /proc/self/status"))
        let masks = result.outputText.split(separator: "\n").compactMap { $0.split(separator: "\t").last }
        #expect(masks == ["0000000000000000", "0000000000000000"])
    }
}
