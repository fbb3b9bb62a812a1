// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

@testable import PodMonitor

struct OOMCounterTests {
    @Test(
        arguments: [
            ("low 0\nhigh 0\nmax 7\noom 2\noom_kill 3\noom_group_kill 0\n", 3),
            ("oom_kill_disable 0\nunder_oom 0\noom_kill 12\n", 12), ("", nil), ("oom 1\n", nil), ("oom_kill x\n", nil),
        ] as [(String, UInt64?)])
    func readsBothVersions(text: String, count: UInt64?) { #expect(OOMCounter.count(in: text) == count) }

    @Test func comparesWithTheStart() throws {
        let folder = try TemporaryDirectory()
        let path = "\(folder.path)/memory.events"
        try AtomicFile.write(path, "oom_kill 5\n")
        let counter = OOMCounter(path: path)
        #expect(!counter.hasIncreased)
        try AtomicFile.write(path, "oom_kill 6\n")
        #expect(counter.hasIncreased)
        try Syscall.removeFile(path)
        #expect(!counter.hasIncreased)
    }

    /// systemd takes the cgroup away with its last process.
    @Test func remembersWhatItSaw() throws {
        let folder = try TemporaryDirectory()
        let path = "\(folder.path)/memory.events"
        try AtomicFile.write(path, "oom_kill 5\n")
        let counter = OOMCounter(path: path)
        try AtomicFile.write(path, "oom_kill 6\n")
        counter.look()
        try Syscall.removeFile(path)
        #expect(counter.hasIncreased)
    }

    /// Kills after which the first process lives on were others'.
    @Test func countsFromWhatOthersSuffered() throws {
        let folder = try TemporaryDirectory()
        let path = "\(folder.path)/memory.events"
        try AtomicFile.write(path, "oom_kill 0\n")
        let counter = OOMCounter(path: path)
        try AtomicFile.write(path, "oom_kill 1\n")
        counter.look()
        #expect(counter.hasIncreased)
        #expect(!counter.exculpate())
        #expect(!counter.hasIncreased)
        try AtomicFile.write(path, "oom_kill 2\n")
        counter.look()
        // One more meanwhile: it is for the next look to tell whose it was.
        try AtomicFile.write(path, "oom_kill 3\n")
        #expect(counter.exculpate())
        #expect(counter.hasIncreased)
        #expect(!counter.exculpate())
        #expect(!counter.hasIncreased)
    }
}
