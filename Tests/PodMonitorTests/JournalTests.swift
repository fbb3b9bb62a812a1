// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

@testable import PodMonitor

struct JournalTests {
    @Test(arguments: [
        ("T stdout F a b  c", "PRIORITY=6\nMESSAGE=a b  c\n"), ("T stderr F x=y", "PRIORITY=3\nMESSAGE=x=y\n"),
        ("T stdout P half", "PRIORITY=6\nCONTAINER_PARTIAL_MESSAGE=true\nMESSAGE=half\n"),
        ("T stdout F ", "PRIORITY=6\nMESSAGE=\n"), ("T stdout F", nil), ("", nil),
    ])
    func aLineOfTheLogIsAnEntry(line: String, entry: String?) {
        #expect(Journal.entry(Array(line.utf8)[...]).map { String(decoding: $0, as: UTF8.self) } == entry)
    }

    /// As often as the journal goes and comes, with one word about it, and one look for it in ten seconds.
    @Test func aJournalThatIsBackIsFound() throws {
        let folder = try TemporaryDirectory()
        let (path, words) = (folder.path + "/socket", folder.path + "/monitor.log")
        let log = try MonitorLog(pod: "p", path: words)
        let first = try UnixSocket.bindDatagrams(path, mode: 0o600)
        let journal = try Journal(path, container: "c", pod: "p", log: log)
        let other = try Journal(path, container: "d", pod: "p", log: log)
        try first.close()
        try Syscall.removeFile(path)
        for _ in 0..<3 { other.write(Array("T stdout F gone\n".utf8)) }
        #expect(try Syscall.readText(words).split(separator: "\n").count == 1)
        let second = try UnixSocket.bindDatagrams(path, mode: 0o600)
        try second.setNonblocking(true)
        // It has just looked.
        other.write(Array("T stdout F early\n".utf8))
        journal.write(Array("T stdout F one\nT stdout F two\n".utf8))
        var entries: [String] = []
        for _ in 0..<2 { entries.append(String(decoding: try second.read(upTo: 4096), as: UTF8.self)) }
        #expect(entries[0].contains("MESSAGE=one\n") && entries[1].contains("MESSAGE=two\n"))
        #expect(entries.allSatisfy { $0.contains("CONTAINER_ID=c\n") })
    }
}
