// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import Testing

@Suite struct ParsingTests {
    @Test(
        arguments: [
            ("15", 15), ("TERM", 15), ("sigterm", 15), ("SIGKILL", 9), ("RTMIN", 34), ("SIGRTMIN+3", 37), ("RTMAX", 64),
            ("RTMAX-1", 63), ("0", 0), ("IOT", 6), ("64", 64),
        ] as [(String, Int32)])
    func signals(_ text: String, _ number: Int32) { #expect(Signal(parsing: text)?.rawValue == number) }

    @Test(arguments: ["", "FOO", "SIG", "65", "-1", "RTMIN+31", "RTMAX+1", "15x"])
    func noSignals(_ text: String) { #expect(Signal(parsing: text) == nil) }

    @Test func processNamesMayHoldAnything() throws {
        let text = "42 (a) b (c) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 2"
        let stat = try #require(ProcStat(parsing: text))
        #expect(stat.pid == 42)
        #expect(stat.name == "a) b (c")
        #expect(stat.state == "S")
        #expect(stat.parent == 1)
        #expect(stat.startTime == 987654)
        #expect(stat.end == nil)
        #expect(ProcStat(parsing: "42 (truncated) S 1") == nil)
    }

    @Test(arguments: [
        ("9", Linux.ExitStatus.signaled(9)), ("134", .signaled(6)), ("1792", .exited(7)), ("0", .exited(0)),
    ])
    func theTableTellsHowAZombieEnded(_ field: String, _ end: Linux.ExitStatus) throws {
        let rest = Array(repeating: "0", count: 48).joined(separator: " ")
        #expect(ProcStat(parsing: "42 (a) Z \(rest) \(field)")?.end == end)
        #expect(try #require(ProcStat(parsing: "42 (a) S \(rest) \(field)")).end == nil)
    }

    @Test func mountLines() throws {
        let text = """
            36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 shared:7 - ext3 /dev/root rw,errors=continue
            37 36 0:5 / /x rw - proc proc rw
            garbage
            """
        let mounts = MountInfo.parse(text)
        #expect(mounts.count == 2)
        #expect(mounts[0].mountPoint == "/mnt 2")
        #expect(mounts[0].propagation == ["master:1", "shared:7"])
        #expect(mounts[0].superOptions == ["rw", "errors=continue"])
        #expect(mounts[1].type == "proc")
        #expect(mounts[1].propagation.isEmpty)
    }

    @Test func errorsSpeakLowerCase() {
        #expect(Errno.ENOENT.description == "no such file or directory")
        #expect(Errno.EXDEV.name == "EXDEV")
        #expect(
            SystemError("open", "/a b", .EACCES).description == "open \"/a b\": permission denied")
    }
}
