// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Testing

@testable import CRIService

struct ExpositionTests {
    @Test func isTheFormatOfPrometheus() {
        var text = Exposition(prefix: "p")
        text.add("a_total", .counter, "What it is.", [.init(3, ("x", "a\"b\\c\nd"), ("y", "")), .init(4)])
        text.add("t", .summary, "Times.", [.init(suffix: "_sum", seconds: 1_500_000_000)])
        text.add("none", .gauge, "Nothing.", [])
        #expect(
            text.text == """
                # HELP p_a_total What it is.
                # TYPE p_a_total counter
                p_a_total{x="a\\"b\\\\c\\nd",y=""} 3
                p_a_total 4
                # HELP p_t Times.
                # TYPE p_t summary
                p_t_sum 1.5
                # HELP p_none Nothing.
                # TYPE p_none gauge

                """)
    }

    @Test func aLineIsALine() {
        var text = Exposition(prefix: "p")
        text.add("a", .gauge, "A.", [.init(1, ("x", "a\r\nb\"\u{301}"))])
        #expect(
            text.text.unicodeScalars.elementsEqual(
                "# HELP p_a A.\n# TYPE p_a gauge\np_a{x=\"a\r\\nb\\\"\u{301}\"} 1\n".unicodeScalars))
    }

    @Test func countsWhatHappens() {
        let metrics = EngineMetrics()
        metrics.note("Version", nanoseconds: 5, failure: nil)
        metrics.note("PullImage", nanoseconds: 7, failure: nil)
        metrics.note("PullImage", nanoseconds: 1, failure: "unavailable")
        metrics.count(\.oomKills)
        let counts = metrics.counts
        #expect(counts.operations["Version"] == .init(count: 1, errors: 0, nanoseconds: 5))
        #expect(counts.operations["PullImage"] == .init(count: 2, errors: 1, nanoseconds: 8))
        #expect(counts.failedPulls == ["unavailable": 1])
        #expect(counts.oomKills == 1 && counts.lostMonitors == 0)
    }
}
