// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import MonitorProtocol
import Testing

private func hex(_ text: String) -> [UInt8] {
    text.split { $0 == " " || $0 == "\n" }.map { UInt8($0, radix: 16) ?? 0 }
}

struct MonitorMessageTests {
    @Test func helloRequestIsExact() throws {
        let packet = hex(
            """
            01 00         version 1
            01 00         kind hello
            02 03 00 00   request 0x302
            01 00         highest version 1
            """.stripped)
        #expect(try MonitorRequest.hello(version: 1).encoded(request: 0x302, version: 2) == packet)
        #expect(try MonitorRequest(decoding: packet) == .hello(version: 1))
        #expect(MonitorRequest.number(of: packet) == 0x302)
    }

    @Test func createRequestIsExact() throws {
        let request = MonitorRequest.create(
            CreateRequest(
                container: "c", command: RuntimeCommand(["r", "x"], environment: ["A=1"], workingDirectory: "/"),
                pidFile: "p", exitFile: "e", logPath: "l", logLimit: 0x0102, stdin: true, consoleSocket: "s",
                oomEventsFile: nil))
        let packet = hex(
            """
            01 00 03 00 09 00 00 00     version 1, kind create, request 9
            01 00 00 00 63              container
            02 00 00 00                 two arguments
            01 00 00 00 72              r
            01 00 00 00 78              x
            01 00 00 00                 one variable
            03 00 00 00 41 3d 31        A=1
            01 00 00 00 2f              working directory
            01 00 00 00 70              pid file
            01 00 00 00 65              exit file
            01 00 00 00 6c              log path
            02 01 00 00 00 00 00 00     log limit
            01                          stdin
            01 01 00 00 00 73           console socket is there
            00                          OOM events file is not
            """.stripped)
        #expect(try request.encoded(request: 9, version: 1) == packet)
        #expect(try MonitorRequest(decoding: packet) == request)
    }

    @Test func execRequestIsExact() throws {
        let request = MonitorRequest.exec(
            ExecRequest(
                container: "c", execID: "i",
                way: .runtime(RuntimeCommand(["r"], workingDirectory: ""), pidFile: "p"), timeoutMilliseconds: 258,
                stdin: false))
        let packet = hex(
            """
            01 00 06 00 01 00 00 00     version 1, kind exec, request 1
            01 00 00 00 63              container
            01 00 00 00 69              exec id
            01 00 00 00                 one argument
            01 00 00 00 72              r
            00 00 00 00                 no variable
            00 00 00 00                 working directory
            01 00 00 00 70              pid file
            02 01 00 00                 timeout
            00                          no stdin
            """.stripped)
        #expect(try request.encoded(request: 1, version: 1) == packet)
        #expect(try MonitorRequest(decoding: packet) == request)
    }

    @Test func failedReplyIsExact() throws {
        let message = MonitorMessage.reply(7, .failed(text: "no", exitStatus: 258))
        let packet = hex(
            """
            01 00 03 01 07 00 00 00     version 1, kind failed, request 7
            02 00 00 00 6e 6f           text
            01 02 01 00 00              exit status is there
            """.stripped)
        #expect(try message.encoded(version: 1) == packet)
        #expect(try MonitorMessage(decoding: packet) == message)
    }

    @Test func containersReplyIsExact() throws {
        let running = ContainerStatus.State.running(MonitoredProcess(pid: 258, startTime: 3), started: 4)
        let message = MonitorMessage.reply(
            1, .containers([ContainerStatus(container: "c", state: running, lostBytes: 5)]))
        let packet = hex(
            """
            01 00 08 01 01 00 00 00     version 1, kind containers, request 1
            01 00 00 00                 one
            01 00 00 00 63              container
            03                          running
            02 01 00 00                 pid
            03 00 00 00 00 00 00 00     start time
            04 00 00 00 00 00 00 00     started
            05 00 00 00 00 00 00 00     lost bytes
            """.stripped)
        #expect(try message.encoded(version: 1) == packet)
        #expect(try MonitorMessage(decoding: packet) == message)
    }

    @Test func exitedEventIsExact() throws {
        let message = MonitorMessage.event(.exited(container: "c", ExitRecordTests.killed))
        let text = Array(ExitRecordTests.killedText.utf8)
        let packet = hex("01 00 01 02 00 00 00 00  01 00 00 00 63") + [UInt8(text.count), 0, 0, 0] + text
        #expect(try message.encoded(version: 1) == packet)
        #expect(try MonitorMessage(decoding: packet) == message)
    }

    static let command = RuntimeCommand(["/usr/bin/runtime", "start", "id"], environment: ["PATH=/usr/bin", "Ü=ß"])
    static let requests: [MonitorRequest] = [
        .hello(version: 3), .adopt, .start(container: "id", command), .run(command),
        .create(
            CreateRequest(
                container: "id", command: command, pidFile: "/p", exitFile: "/e", logPath: "/l", logLimit: .max,
                consoleSocket: nil, oomEventsFile: "/o")),
        .exec(
            ExecRequest(
                container: "id", execID: "1", way: .runtime(command, pidFile: "/p"), timeoutMilliseconds: .max,
                stdin: true)),
        .signal(container: "id", signal: 15), .list, .forget(container: ""), .reopenLog(container: "id"), .shutdown,
    ]
    /// What version 2 has on top.
    static let newRequests: [MonitorRequest] = [
        .create(
            CreateRequest(
                container: "id", command: command, pidFile: "/p", exitFile: "/e", logPath: "/l", stdin: true,
                stdinOnce: true)),
        .exec(
            ExecRequest(
                container: "id", execID: "1", way: .runtime(command, pidFile: "/p", consoleSocket: "/s"),
                terminal: WindowSize(rows: .max, columns: 0))),
        .exec(
            ExecRequest(
                container: "id", execID: "1",
                way: .entry(ContainerEntry(root: "/r", id: "x", arguments: ["a", "b"], environment: ["A=b"])),
                stdin: true, endsWithClient: true)),
        .reopenLog(container: "id", deadline: .max),
        .attach(AttachRequest(container: "id", stdin: true, stdout: false, stderr: true)),
        .resize(container: "id", WindowSize(rows: 24, columns: 80)), .endExec(execID: "1"),
    ]
    static let messages: [MonitorMessage] = [
        .reply(.max, .hello(version: 1, pid: 12, pod: "pod")), .reply(1, .ok),
        .reply(2, .failed(text: "", exitStatus: nil)),
        .reply(3, .created(MonitoredProcess(pid: .max, startTime: .max))),
        .reply(4, .ran(exitStatus: 1, text: "err\n")),
        .reply(5, .execStarted(pid: 3)), .reply(6, .execExited(ExecExit(code: 137, signal: 9, timedOut: true))),
        .reply(7, .containers([])),
        .reply(
            8,
            .containers([
                ContainerStatus(container: "a", state: .creating),
                ContainerStatus(container: "b", state: .created(MonitoredProcess(pid: 1, startTime: 2))),
                ContainerStatus(container: "c", state: .exited(ExitRecordTests.killed), lostBytes: 9),
            ])),
        .event(.exited(container: "id", ExitRecordTests.killed)),
    ]

    @Test(arguments: requests, MonitorMessage.versions) func requestsRoundTrip(
        request: MonitorRequest, version: UInt16
    ) throws {
        #expect(try MonitorRequest(decoding: try request.encoded(request: 5, version: version)) == request)
    }

    @Test(arguments: newRequests) func newRequestsRoundTrip(request: MonitorRequest) throws {
        let packet = try request.encoded(request: 5, version: 2)
        #expect(try MonitorRequest(decoding: packet) == request)
        #expect(MonitorRequest.version(of: packet) == 2)
    }

    /// A daemon must not believe that a monitor of the version before has understood what it cannot know.
    @Test func whatVersion1CannotSayIsRefused() throws {
        for request in Self.newRequests.dropFirst() {
            if case .reopenLog = request { continue }
            #expect(throws: MonitorProtocolError.needsVersion(2)) { try request.encoded(request: 5, version: 1) }
        }
        let event = MonitorMessage.event(.logTrouble(container: "c", lostBytes: 1, error: "x"))
        #expect(throws: MonitorProtocolError.needsVersion(2)) { try event.encoded(version: 1) }
    }

    @Test(arguments: messages, MonitorMessage.versions) func messagesRoundTrip(
        message: MonitorMessage, version: UInt16
    ) throws {
        #expect(try MonitorMessage(decoding: try message.encoded(version: version)) == message)
    }

    @Test func aNewExecRequestIsExact() throws {
        let request = MonitorRequest.exec(
            ExecRequest(
                container: "c", execID: "i",
                way: .entry(ContainerEntry(root: "r", id: "n", arguments: ["a"], environment: ["E=1"])),
                terminal: WindowSize(rows: 24, columns: 258), timeoutMilliseconds: 3, endsWithClient: true))
        let packet = hex(
            """
            02 00 06 00 01 00 00 00     version 2, kind exec, request 1
            01 00 00 00 63              container
            01 00 00 00 69              exec id
            02                          way: entry
            01 00 00 00 72              root
            01 00 00 00 6e              name for the runtime
            01 00 00 00                 one argument
            01 00 00 00 61              a
            01 00 00 00                 one variable
            03 00 00 00 45 3d 31        E=1
            01 18 00 02 01              a terminal, rows, columns
            03 00 00 00                 timeout
            00                          no stdin
            01                          ends with its client
            """.stripped)
        #expect(try request.encoded(request: 1, version: 2) == packet)
        #expect(try MonitorRequest(decoding: packet) == request)
    }

    @Test(
        arguments: [
            (
                .exec(
                    ExecRequest(
                        container: "c", execID: "i",
                        way: .runtime(RuntimeCommand(["r"]), pidFile: "p", consoleSocket: "s"))),
                """
                02 00 06 00 01 00 00 00  01 00 00 00 63  01 00 00 00 69
                01  01 00 00 00 01 00 00 00 72  00 00 00 00  01 00 00 00 2f  01 00 00 00 70  01 01 00 00 00 73
                00  00 00 00 00  00  00
                """
            ),
            (
                .attach(AttachRequest(container: "c", stdin: true, stdout: false, stderr: true)),
                "02 00 0c 00 01 00 00 00  01 00 00 00 63  01 00 01"
            ),
            (
                .resize(container: "c", WindowSize(rows: 24, columns: 80)),
                "02 00 0d 00 01 00 00 00  01 00 00 00 63  18 00 50 00"
            ),
            (.endExec(execID: "i"), "02 00 0e 00 01 00 00 00  01 00 00 00 69"),
            (
                .reopenLog(container: "c", deadline: 258),
                "02 00 0a 00 01 00 00 00  01 00 00 00 63  02 01 00 00 00 00 00 00"
            ),
            (.hello(version: 2), "01 00 01 00 01 00 00 00  02 00"),
        ] as [(MonitorRequest, String)])
    func newRequestsAreExact(request: MonitorRequest, packet: String) throws {
        #expect(try request.encoded(request: 1, version: 2) == hex(packet))
        #expect(try MonitorRequest(decoding: hex(packet)) == request)
    }

    @Test func hangUpIsOfVersion3() throws {
        let packet = hex("03 00 0f 00 01 00 00 00  01 00 00 00 69")
        #expect(try MonitorRequest.hangUp(execID: "i").encoded(request: 1, version: 3) == packet)
        #expect(try MonitorRequest(decoding: packet) == .hangUp(execID: "i"))
        #expect(throws: MonitorProtocolError.needsVersion(3)) {
            try MonitorRequest.hangUp(execID: "i").encoded(request: 1, version: 2)
        }
    }

    /// Version 3 has changed nothing that version 2 says.
    @Test(arguments: requests + newRequests) func version3DiffersInTheNumberAlone(request: MonitorRequest) throws {
        let old = try request.encoded(request: 5, version: 2)
        let isHello = if case .hello = request { true } else { false }
        #expect(try request.encoded(request: 5, version: 3) == (isHello ? old : [3] + old.dropFirst()))
    }

    @Test func theLastOfCreateIsNew() throws {
        let create = CreateRequest(
            container: "c", command: RuntimeCommand(["r"]), pidFile: "p", exitFile: "e", logPath: "l", stdinOnce: true)
        let old = try MonitorRequest.create(create).encoded(request: 1, version: 1)
        #expect(try MonitorRequest.create(create).encoded(request: 1, version: 2) == [2] + old.dropFirst() + [1])
    }

    @Test func logTroubleEventIsExact() throws {
        let message = MonitorMessage.event(.logTrouble(container: "c", lostBytes: 5, error: "no"))
        let packet = hex("02 00 02 02 00 00 00 00  01 00 00 00 63  05 00 00 00 00 00 00 00  02 00 00 00 6e 6f")
        #expect(try message.encoded(version: 2) == packet)
        #expect(try MonitorMessage(decoding: packet) == message)
    }

    @Test(arguments: requests + newRequests) func everyCutIsAnError(request: MonitorRequest) throws {
        let packet = try request.encoded(request: 5, version: 2)
        for length in 0..<packet.count {
            #expect(throws: MonitorProtocolError.self) { try MonitorRequest(decoding: Array(packet.prefix(length))) }
        }
        #expect(throws: MonitorProtocolError.trailingBytes(1)) { try MonitorRequest(decoding: packet + [0]) }
    }

    @Test(
        arguments: [
            ("04 00 02 00 01 00 00 00", .unsupportedVersion(4)),
            ("01 00 0c 00 01 00 00 00", .unknownKind(12)),
            ("02 00 0f 00 01 00 00 00", .unknownKind(15)),
            ("03 00 10 00 01 00 00 00", .unknownKind(16)),
            ("02 00 06 00 01 00 00 00  00 00 00 00  00 00 00 00  03", .invalidValue("way")),
            ("01 00 09 00 01 00 00 00  ff ff ff ff 61", .truncated),
            ("01 00 05 00 01 00 00 00  ff ff ff 3f 00 00 00 00", .truncated),
            ("01 00 09 00 01 00 00 00  01 00 00 00 ff", .invalidValue("string")),
            ("01", .truncated),
        ] as [(String, MonitorProtocolError)])
    func refusesMalformedRequests(packet: String, error: MonitorProtocolError) {
        #expect(throws: error) { try MonitorRequest(decoding: hex(packet)) }
    }

    @Test(
        arguments: [
            ("01 00 02 00 01 00 00 00", .unknownKind(2)),
            ("01 00 07 01 01 00 00 00  00 00 00 00 00 00 00 00 02", .invalidValue("flag")),
            ("01 00 08 01 01 00 00 00  01 00 00 00  00 00 00 00 05 00 00 00 00 00 00 00 00", .invalidValue("state")),
            ("01 00 01 02 00 00 00 00  00 00 00 00 00 00 00 00", .invalidValue("exit record")),
        ] as [(String, MonitorProtocolError)])
    func refusesMalformedMessages(packet: String, error: MonitorProtocolError) {
        #expect(throws: error) { try MonitorMessage(decoding: hex(packet)) }
    }

    @Test func refusesWhatFitsNoPacket() throws {
        let fits = MonitorMessage.reply(1, .ran(exitStatus: 0, text: String(repeating: "x", count: 131_072 - 16)))
        #expect(try fits.encoded(version: 2).count == MonitorMessage.maximumSize)
        let longer = MonitorRequest.forget(container: String(repeating: "x", count: 131_072 - 11))
        #expect(throws: MonitorProtocolError.tooLong(131_073)) { try longer.encoded(request: 1, version: 2) }
    }
}

extension String {
    /// Without the words after the bytes: what stands behind three spaces or more is a remark.
    fileprivate var stripped: String {
        split(separator: "\n").map { line in
            line.firstRange(of: "   ").map { String(line[..<$0.lowerBound]) } ?? String(line)
        }.joined(separator: "\n")
    }
}
