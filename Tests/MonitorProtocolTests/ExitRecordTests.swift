// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import MonitorProtocol
import Testing

struct ExitRecordTests {
    static let killed = ExitRecord(
        pid: 4711, code: 137, signal: 9, oomKilled: true, started: 1_700_000_000_000_000_000,
        finished: 1_700_000_001_000_000_000, reason: "OOMKilled")
    static let killedText = """
        version=1
        pid=4711
        code=137
        signal=9
        oom=1
        started=1700000000000000000
        finished=1700000001000000000
        reason=OOMKilled

        """

    @Test func textIsExact() { #expect(Self.killed.text == Self.killedText) }

    @Test func parsesItsText() {
        #expect(ExitRecord(parsing: Self.killedText) == Self.killed)
        var neverStarted = Self.killed
        neverStarted.started = nil
        #expect(!neverStarted.text.contains("started"))
        #expect(ExitRecord(parsing: neverStarted.text) == neverStarted)
    }

    @Test func lossIsTheLastLine() {
        var lossy = Self.killed
        lossy.lostBytes = 4096
        #expect(lossy.text == Self.killedText + "lost=4096\n")
        #expect(ExitRecord(parsing: lossy.text) == lossy)
        #expect(ExitRecord(parsing: Self.killedText + "lost=some\n") == nil)
    }

    @Test func passesOverUnknownKeys() {
        #expect(ExitRecord(parsing: Self.killedText + "later=x=y\n") == Self.killed)
    }

    @Test func aReasonIsOneLine() throws {
        var record = Self.killed
        record.reason = "two\nlines"
        #expect(ExitRecord(parsing: record.text)?.reason == "two lines")
        // Whoever reads it means what is written next.
        let page = Self.killedText.replacing("OOMKilled", with: "two\u{0C}pages")
        let read = try #require(ExitRecord(parsing: page))
        #expect(ExitRecord(parsing: read.text) == read)
    }

    @Test(arguments: [
        "", "version=1\n", "nonsense\n", String(killedText.dropLast()),
        killedText.replacing("version=1", with: "version=2"), killedText.replacing("code=137", with: "code=256"),
        killedText.replacing("oom=1", with: "oom=yes"), killedText.replacing("pid=4711", with: "pid="),
        killedText.replacing("finished=1700000001000000000\n", with: ""),
        killedText.replacing("started=1", with: "started=-1"),
    ])
    func refusesWhatIsBroken(text: String) {
        #expect(ExitRecord(parsing: text) == nil)
    }
}
