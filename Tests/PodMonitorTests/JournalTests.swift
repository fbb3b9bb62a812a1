// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

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
}
