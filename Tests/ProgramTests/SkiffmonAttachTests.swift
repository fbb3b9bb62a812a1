// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import MonitorProtocol
import TestSupport
import Testing

/// Clients that are connected with a container's own streams.
@Suite(.requiresRoot) struct SkiffmonAttachTests {
    /// The client's end of an attachment.
    private final class Attachment {
        private let socket: UnixSocket

        init(_ socket: consuming UnixSocket) { self.socket = socket }

        func send(_ channel: AttachPacket.Channel, _ bytes: some Sequence<UInt8> = [UInt8]()) throws {
            try socket.send([channel.rawValue] + bytes)
        }

        /// Sends a piece now, or says that there is no room.
        func offer(_ bytes: [UInt8]) throws -> Bool {
            do throws(Errno) {
                try socket.send([AttachPacket.Channel.stdin.rawValue] + bytes, wait: false)
                return true
            } catch .EAGAIN {
                return false
            }
        }

        /// The next packet; nil when the monitor has closed.
        func receive() throws -> (channel: AttachPacket.Channel, bytes: ArraySlice<UInt8>)? {
            guard try Syscall.poll(socket.rawValue, for: .readable, milliseconds: 60_000) != [] else {
                throw SkiffmonPod.Missing()
            }
            let packet = try socket.receive(upTo: AttachPacket.limit + 1).bytes
            guard let first = packet.first else { return nil }
            return (try #require(AttachPacket.Channel(rawValue: first)), packet.dropFirst())
        }

        /// All bytes of each channel until the end; says whether the container's end was told.
        func readToEnd() throws -> (stdout: [UInt8], stderr: [UInt8], isToldTheEnd: Bool) {
            var (stdout, stderr): ([UInt8], [UInt8]) = ([], [])
            while let (channel, bytes) = try receive() {
                switch channel {
                case .stdout: stdout += bytes
                case .stderr: stderr += bytes
                default:
                    #expect(try receive() == nil)
                    return (stdout, stderr, true)
                }
            }
            return (stdout, stderr, false)
        }

        func read(until text: String) throws -> String {
            var all = ""
            while !all.contains(text), let (_, bytes) = try receive() { all += String(decoding: bytes, as: UTF8.self) }
            return all
        }
    }

    private func attach(
        _ client: SkiffmonClient, stdin: Bool = false, stdout: Bool = true, stderr: Bool = true
    ) throws -> Attachment {
        var pair = try UnixSocket.pair(.sequencedPackets)
        guard let ours = pair.takeFirst(), let theirs = pair.takeSecond() else { throw Errno.EBADF }
        let request = AttachRequest(container: "c", stdin: stdin, stdout: stdout, stderr: stderr)
        let reply = try client.ask(.attach(request), [theirs.rawValue])
        guard reply == .ok else { throw SkiffmonPod.Unexpected(reply: reply) }
        return Attachment(ours)
    }

    /// A container `c` that is created and not started: nothing of its output is missed.
    private func create(
        _ script: String, stdin: Bool = false, stdinOnce: Bool = false, terminal: Bool = false,
        runtime: String = SkiffmonPod.ownRuntime
    ) throws -> (SkiffmonPod, SkiffmonClient) {
        let pod = try SkiffmonPod(runtime: runtime)
        let client = try pod.connectAndAdopt()
        try pod.makeBundle("c", script: script, terminal: terminal)
        var request = pod.createRequest("c", terminal: terminal, stdin: stdin)
        request.stdinOnce = stdinOnce
        let reply = try client.ask(.create(request))
        guard case .created = reply else { throw SkiffmonPod.Unexpected(reply: reply) }
        return (pod, client)
    }

    private func start(_ pod: SkiffmonPod, _ client: SkiffmonClient) throws {
        let reply = try client.ask(.start(container: "c", pod.command(["start", pod.id("c")])))
        guard case .ran(0, _) = reply else { throw SkiffmonPod.Unexpected(reply: reply) }
    }

    @Test(arguments: SkiffmonContainerTests.runtimes) func inputAndBothOutputsAreCarried(runtime: String) throws {
        let (pod, client) = try create("cat; echo done >&2", stdin: true, stdinOnce: true, runtime: runtime)
        let attachment = try attach(client, stdin: true)
        try start(pod, client)
        try attachment.send(.stdin, "to and fro\n".utf8)
        #expect(try attachment.read(until: "fro\n") == "to and fro\n")
        try attachment.send(.closeStdin)
        let rest = try attachment.readToEnd()
        #expect(rest.stdout.isEmpty && rest.isToldTheEnd)
        #expect(String(decoding: rest.stderr, as: UTF8.self) == "done\n")
        #expect(try client.exit(of: "c").code == 0)
        #expect(Set(try LoggedLine.parse(try pod.log("c")).map(\.tagged)) == ["F to and fro", "F done"])
    }

    @Test func inputThatIsNotOnceStaysForTheNext() throws {
        let (pod, client) = try create("cat", stdin: true)
        try start(pod, client)
        for round in ["one\n", "two\n"] {
            let attachment = try attach(client, stdin: true)
            try attachment.send(.stdin, round.utf8)
            #expect(try attachment.read(until: round) == round)
            try attachment.send(.closeStdin)
        }
        guard case .containers(let list) = try client.ask(.list), case .running? = list.first?.state else {
            throw SkiffmonPod.Missing()
        }
    }

    @Test func leavingEndsInputThatIsOnce() throws {
        let (pod, client) = try create("cat; echo over", stdin: true, stdinOnce: true)
        try start(pod, client)
        do { try attach(client, stdin: true).send(.stdin, "last\n".utf8) }
        #expect(try client.exit(of: "c").code == 0)
        #expect(try LoggedLine.parse(try pod.log("c")).map(\.tagged) == ["F last", "F over"])
    }

    /// More than any buffer holds, while nobody reads: the client has to wait, and nothing is lost, also when it leaves, and
    /// has not heard what the container said.
    @Test(arguments: [false, true]) func inputWaitsForItsReader(isDeaf: Bool) throws {
        let script = "echo unheard; until [ -e /tmp/go ]; do sleep 0.05; done; cat"
        let (pod, client) = try create(script, stdin: true, stdinOnce: true)
        var sent = Array("unheard\n".utf8)
        do {
            let attachment = try attach(client, stdin: true, stdout: isDeaf, stderr: false)
            try start(pod, client)
            try eventually("it has said something") { try !pod.log("c").isEmpty }
            for number in 0..<1000 {
                let piece = Array("\(number)\n".utf8) + Array(repeating: UInt8(ascii: "x"), count: 4095) + [10]
                guard try attachment.offer(piece) else { break }
                sent += piece
            }
        }
        #expect(sent.count < 1000 * 4096)
        try AtomicFile.write(pod.file("c", "rootfs/tmp/go"), "")
        #expect(try client.exit(of: "c").code == 0)
        let logged = try LoggedLine.parse(try pod.log("c")).map(\.text).joined(separator: "\n") + "\n"
        #expect(Array(logged.utf8) == sent)
    }

    /// A container that ends while its input waits for room, in a pipe that a process it has left behind keeps open, leaves no
    /// descriptor once it is forgotten.
    @Test func inputThatNobodyReadsIsLetGo() throws {
        let pod = try SkiffmonPod(new: "net,ipc,uts,pid", runtime: SkiffmonPod.ownRuntime)
        let client = try pod.connectAndAdopt()
        try pod.makeBundle(
            "c", script: "exec 3<&0; sleep 1001 <&3 >/dev/null 2>&1 & exec sleep 1000",
            sharing: ["net", "ipc", "uts", "pid"])
        guard case .created = try client.ask(.create(pod.createRequest("c", stdin: true))) else {
            throw SkiffmonPod.Missing()
        }
        try start(pod, client)
        let attachment = try attach(client, stdin: true, stdout: false, stderr: false)
        while try attachment.offer(Array(repeating: UInt8(ascii: "x"), count: 4096)) {}
        #expect(try client.ask(.signal(container: "c", signal: 9)) == .ok)
        _ = try client.exit(of: "c")
        #expect(try client.ask(.forget(container: "c")) == .ok)
        try eventually("the container's descriptors are closed") {
            // What is closed between the listing and the look is nobody's.
            try Syscall.entries("/proc/\(pod.pid)/fd").allSatisfy {
                let target = (try? Syscall.readLink("/proc/\(pod.pid)/fd/\($0)")) ?? ""
                return !target.hasPrefix("pipe:") && !target.hasPrefix(pod.file("c", ""))
            }
        }
        #expect(try client.ask(.shutdown) == .ok)
    }

    @Test func muchOutputIsExactForSeveralClients() throws {
        let (pod, client) = try create("seq 1 1000000")
        let attachments = try (0..<2).map { _ in try attach(client) }
        try start(pod, client)
        var expected: [UInt8] = []
        for number in 1...1_000_000 { expected += "\(number)\n".utf8 }
        // One after the other: the second is blocked while the first is read, and catches up within its time.
        var received: [[UInt8]] = [[], []]
        var ends = 0
        while ends < 2 {
            for (index, attachment) in attachments.enumerated() where received[index].count < expected.count {
                guard let (channel, bytes) = try attachment.receive(), channel == .stdout else {
                    throw SkiffmonPod.Missing()
                }
                received[index] += bytes
                if received[index].count == expected.count { ends += 1 }
            }
        }
        for (index, attachment) in attachments.enumerated() {
            #expect(received[index] == expected)
            #expect(try attachment.readToEnd().isToldTheEnd)
        }
        #expect(try client.exit(of: "c").code == 0)
        #expect(try LoggedLine.parse(try pod.log("c")).count == 1_000_000)
    }

    /// A client that takes nothing holds up the container for a while, and then goes; the log is whole.
    @Test func whoTakesNothingIsCutOff() throws {
        let (pod, client) = try create("seq 1 200000; exit 3")
        let deaf = try attach(client)
        try start(pod, client)
        #expect(try client.exit(of: "c").code == 3)
        #expect(try LoggedLine.parse(try pod.log("c")).count == 200_000)
        #expect(try !deaf.readToEnd().isToldTheEnd)
    }

    @Test(arguments: SkiffmonContainerTests.runtimes) func aTerminalIsResized(runtime: String) throws {
        let script = "while read x; do stty size; done; echo over"
        let (pod, client) = try create(script, stdin: true, stdinOnce: true, terminal: true, runtime: runtime)
        let attachment = try attach(client, stdin: true)
        try start(pod, client)
        try attachment.send(.resize, AttachPacket.resize(WindowSize(rows: 31, columns: 72)).dropFirst())
        try attachment.send(.stdin, "\n".utf8)
        _ = try attachment.read(until: "31 72")
        #expect(try client.ask(.resize(container: "c", WindowSize(rows: 41, columns: 82))) == .ok)
        try attachment.send(.stdin, "\n".utf8)
        _ = try attachment.read(until: "41 82")
        // A terminal has no end that could be closed: it gets the character.
        try attachment.send(.closeStdin)
        _ = try attachment.read(until: "over")
        #expect(try client.exit(of: "c").code == 0)
    }

    @Test func whatCannotBeAttachedIsTold() throws {
        let (pod, client) = try create("exit 0")
        let request = MonitorRequest.attach(AttachRequest(container: "c", stdin: true, stdout: true, stderr: true))
        guard case .failed(let text, _) = try client.ask(request) else { throw SkiffmonPod.Missing() }
        #expect(text.contains("0 descriptors"))
        guard case .failed(let size, _) = try client.ask(.resize(container: "c", WindowSize(rows: 1, columns: 1)))
        else {
            throw SkiffmonPod.Missing()
        }
        #expect(size.contains("resize terminal of container"))
        try start(pod, client)
        _ = try client.exit(of: "c")
        let null = try Syscall.open("/dev/null", .readWrite)
        guard case .failed(let late, _) = try client.ask(request, [null.rawValue]) else { throw SkiffmonPod.Missing() }
        #expect(late.contains("it is exited"))
    }
}
