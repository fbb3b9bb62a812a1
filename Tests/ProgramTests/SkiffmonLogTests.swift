// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import MonitorProtocol
import TestSupport
import Testing

/// What a monitor does with the log when something else moves it, fills its disk or reads it.
@Suite(.requiresRoot) struct SkiffmonLogTests {
    @Test func theLogGoesOnInANewFile() throws {
        let pod = try SkiffmonPod()
        let client = try pod.connectAndAdopt()
        try pod.start("c", script: "echo one; until [ -e /tmp/go ]; do sleep 0.05; done; echo two", over: client)
        try eventually("the first line") { try pod.log("c").contains("one") }
        try Syscall.rename(pod.file("c", "log"), pod.file("c", "log.1"))
        #expect(try client.ask(.reopenLog(container: "c")) == .ok)
        #expect(try pod.log("c").isEmpty)
        try AtomicFile.write(pod.file("c", "rootfs/tmp/go"), "")
        _ = try client.exit(of: "c")
        #expect(try pod.log("c").hasSuffix(" stdout F two\n"))
        #expect(try Syscall.readText(pod.file("c", "log.1")).hasSuffix(" stdout F one\n"))
    }

    @Test func anUnreopenableLogMakesNoFileAndLosesNothing() throws {
        let pod = try SkiffmonPod()
        let client = try pod.connectAndAdopt()
        try pod.start("c", script: "while sleep 0.05; do echo on; done", over: client)
        try Syscall.rename(pod.file("c", "log"), "\(pod.path)/moved")
        try Syscall.makeDirectory(pod.file("c", "log"))
        guard case .failed(let text, _) = try client.ask(.reopenLog(container: "c")) else {
            throw SkiffmonPod.Missing()
        }
        #expect(text.hasPrefix("open \""))
        let before = try Syscall.status("\(pod.path)/moved").size
        try eventually("the old file grows") { try Syscall.status("\(pod.path)/moved").size > before }
    }

    @Test func aFullDiskBlocksNobody() throws {
        let pod = try SkiffmonPod()
        let client = try pod.connectAndAdopt()
        try pod.makeBundle("c", script: "seq 1 300000; exit 6")
        try Syscall.makeDirectory("\(pod.path)/small")
        try Syscall.mount(source: "tmpfs", target: "\(pod.path)/small", type: "tmpfs", data: "size=1m")
        defer { try? Syscall.unmountAll("\(pod.path)/small") }
        var request = pod.createRequest("c")
        request.logPath = "\(pod.path)/small/log"
        guard case .created = try client.ask(.create(request)) else { throw SkiffmonPod.Missing() }
        _ = try client.ask(.start(container: "c", pod.command(["start", pod.id("c")])))
        #expect(try client.exit(of: "c").code == 6)
        guard case .containers(let list) = try client.ask(.list) else { throw SkiffmonPod.Missing() }
        #expect(try #require(list.first).lostBytes > 1 << 20)
        let kept = try LoggedLine.parse(try Syscall.readText("\(pod.path)/small/log"))
        #expect(kept.prefix(10_000).map { String($0.text) } == (1...10_000).map(String.init))
        let complaints = try Syscall.readText("\(pod.path)/monitor.log").split(separator: "\n")
        #expect(complaints.filter { $0.contains("no space left on device") }.count == 1)
        let record = try ExitRecord(parsing: Syscall.readText(pod.file("c", "exit")))
        #expect(try #require(record).lostBytes == list.first?.lostBytes)
    }

    /// Of a log that is a pipe a cut line cannot be taken back, and nothing tells how much there is of it.
    @Test func aReaderOfTheLogThatLeavesEndsNobody() throws {
        let pod = try SkiffmonPod()
        let client = try pod.connectAndAdopt()
        try pod.makeBundle("c", script: "seq 1 300000; exit 6")
        var request = pod.createRequest("c")
        request.logPath = "\(pod.path)/fifo"
        try Syscall.makeNode(request.logPath, mode: 0o010600, device: DeviceNumber(major: 0, minor: 0))
        let reader = try Syscall.open(request.logPath, [.readOnly, .nonblocking])
        guard case .created = try client.ask(.create(request)) else { throw SkiffmonPod.Missing() }
        _ = try client.send(.start(container: "c", pod.command(["start", pod.id("c")])))
        let writer = try Syscall.open(request.logPath, [.writeOnly, .nonblocking])
        let epoll = try Epoll()
        try epoll.add(writer.rawValue, .writable, token: 0)
        // Every page of it is in use: whoever writes waits.
        try eventually("the pipe is full") { try epoll.wait(milliseconds: 0).isEmpty }
        try writer.close()
        try reader.close()
        #expect(try client.exit(of: "c").code == 6)
    }
}
