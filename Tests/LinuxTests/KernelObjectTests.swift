// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

@Suite struct KernelObjectTests {
    @Test func socketsCarryDescriptors() throws {
        let directory = try TemporaryDirectory()
        // Longer than sun_path holds.
        let deep = directory.path + "/" + String(repeating: "d", count: 120)
        try Syscall.makeDirectory(deep)
        let listener = try UnixSocket.listen(deep + "/s", .sequencedPackets, mode: 0o660)
        #expect(try Syscall.status(deep + "/s").permissions == 0o660)
        let client = try UnixSocket.connect(deep + "/s", .sequencedPackets)
        let server = try listener.accept()
        try AtomicFile.write(directory.path + "/f", "passed")
        let file = try Syscall.open(directory.path + "/f", .readOnly)
        try client.send([1, 2, 3], descriptors: [file.rawValue])
        let message = try server.receive(upTo: 100)
        #expect(message.bytes == [1, 2, 3])
        #expect(!message.isTruncated)
        #expect(try message.descriptors[0].descriptor.readAll() == Array("passed".utf8))
        #expect(try server.peerProcess() == Syscall.processID)
        #expect(throws: Errno.EAGAIN) { try server.receive(upTo: 1, wait: false) }
    }

    @Test func pidfdsSeeTheEndOfAProcess() throws {
        let child = try ChildProcess(ChildPlan("/bin/sleep", ["sleep", "1000"]))
        #expect(try !child.pidfd.waitForEnd(milliseconds: 0))
        let start = try ProcStat(child.pid).startTime
        #expect(ProcStat.isAlive(child.pid, startTime: start))
        #expect(!ProcStat.isAlive(child.pid, startTime: start + 1))
        try child.pidfd.send(.terminate)
        #expect(try child.pidfd.waitForEnd(milliseconds: 10_000))
        #expect(!ProcStat.isAlive(child.pid, startTime: start))
        #expect(try child.wait() == .signaled(15))
    }

    @Test func ptysArePairs() throws {
        let pty = try Pty()
        let peer = try pty.openPeer()
        try Terminal.setWindowSize(pty.master.rawValue, WindowSize(rows: 12, columns: 34))
        #expect(try Terminal.windowSize(peer.rawValue) == WindowSize(rows: 12, columns: 34))
        _ = try Terminal.makeRaw(peer.rawValue, processesOutput: true)
        try pty.master.writeAll("x")
        #expect(try peer.read(upTo: 10) == Array("x".utf8))
    }

    @Test func atomicFilesReplaceAndLeaveNothing() throws {
        let directory = try TemporaryDirectory()
        try AtomicFile.write(directory.path + "/f", "one", mode: 0o600, durable: true)
        try AtomicFile.write(directory.path + "/f", "two", mode: 0o640, durable: true)
        #expect(try Syscall.readText(directory.path + "/f") == "two")
        #expect(try Syscall.status(directory.path + "/f").permissions == 0o640)
        #expect(throws: Errno.self) { try AtomicFile.write(directory.path + "/missing/f", "x") }
        #expect(try Syscall.entries(directory.path) == ["f"])
    }

    @Test func treesGoWithAnyName() throws {
        let directory = try TemporaryDirectory()
        let result = try CommandOutput.run(
            ChildPlan(
                "/bin/bash",
                ["bash", "-c", "mkdir -p t/a/b && touch t/$'\\xff\\xfe' t/a/b/'sp ace' && ln -s /etc t/link"],
                environment: ["PATH=/usr/bin:/bin"], workingDirectory: directory.path))
        #expect(result.status.isSuccess, "\(result.errorText)")
        try Syscall.removeTree(directory.path + "/t")
        #expect(!Syscall.exists(directory.path + "/t"))
        #expect(Syscall.exists("/etc/passwd"))
        try Syscall.removeTree(directory.path + "/t")
    }

    @Test func treesGoForAllWhoRemoveThem() async throws {
        let directory = try TemporaryDirectory()
        let tree = directory.path + "/t"
        for _ in 0..<300 {
            for inner in ["a/b", "c"] { try Syscall.makeDirectories("\(tree)/\(inner)", mode: 0o755) }
            try await withThrowingTaskGroup(of: Void.self) { removers in
                for _ in 0..<4 {
                    removers.addTask { try await FreshThread.run { () throws(Errno) in try Syscall.removeTree(tree) } }
                }
                try await removers.waitForAll()
            }
            #expect(!Syscall.exists(tree))
        }
    }

    @Test func locksExclude() throws {
        let directory = try TemporaryDirectory()
        let first = try Syscall.open(directory.path + "/lock", [.readWrite, .create])
        let second = try Syscall.open(directory.path + "/lock", [.readWrite])
        #expect(try Syscall.lock(first.rawValue, exclusive: true, wait: false))
        #expect(try !Syscall.lock(second.rawValue, exclusive: true, wait: false))
    }

    @Test func poolRunsBlockingWorkAtOnce() async throws {
        let pipe = try LockedPipe()
        async let reader: [UInt8] = BlockingPool.run { () throws(Errno) in try pipe.reader.descriptor.read(upTo: 10) }
        try await BlockingPool.run { () throws(Errno) in try pipe.writer.descriptor.writeAll("hi") }
        #expect(try await reader == Array("hi".utf8))
        await #expect(throws: Errno.ENOENT) {
            try await BlockingPool.run { () throws(Errno) in _ = try Syscall.open("/does/not/exist", .readOnly) }
        }
    }

    private final class LockedPipe: Sendable {
        let reader: SharedFD
        let writer: SharedFD
        init() throws {
            var pipe = try Pipe()
            guard let reader = pipe.takeReader(), let writer = pipe.takeWriter() else { throw Errno.EBADF }
            self.reader = SharedFD(reader)
            self.writer = SharedFD(writer)
        }
    }
}
