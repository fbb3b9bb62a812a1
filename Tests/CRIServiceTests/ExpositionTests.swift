// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ImageStore
import OCIImageSpec
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
        metrics.note("Version", nanoseconds: 5, ended: 1, failure: nil)
        metrics.note("PullImage", nanoseconds: 7, ended: 2, failure: nil)
        metrics.note("PullImage", nanoseconds: 1, ended: 3, failure: "unavailable")
        metrics.count(\.oomKills)
        let counts = metrics.counts
        #expect(counts.operations["Version"] == .init(count: 1, errors: 0))
        #expect(counts.operations["PullImage"] == .init(count: 2, errors: 1))
        #expect(counts.times["Version"]?.sum == 5)
        #expect(counts.times["PullImage"].map { [$0.count, $0.sum, $0.last] } == [2, 8, 1])
        #expect(counts.failedPulls == ["unavailable": 1])
        #expect(counts.oomKills == 1 && counts.lostMonitors == 0)
    }

    @Test func quantilesAreOfLately() {
        var times = RecentTimes()
        #expect(times.quantiles(now: 0).isEmpty)
        for took in (1...100).reversed() { times.add(UInt64(took), ended: 0) }
        #expect(times.quantiles(now: 1).map(\.took) == [50, 90, 99])
        #expect(times.quantiles(now: 1).map(\.share) == [0.5, 0.9, 0.99])
        // Ten minutes later those do not count any more, but in the sums.
        let later: Int64 = 600_000_000_000
        times.add(7, ended: later)
        #expect(times.quantiles(now: later).map(\.took) == [7, 7, 7])
        #expect(times.count == 101 && times.sum == 5057 && times.last == 7)
        // However many there are, only the last few hundred are kept.
        for _ in 0..<1000 { times.add(9, ended: later) }
        #expect(times.quantiles(now: later + 1).map(\.took) == [9, 9, 9])
    }

    private func blob(_ size: Int64, _ type: String = "t", _ content: String = "") -> Descriptor {
        Descriptor(mediaType: MediaType(rawValue: type), digest: Digest(of: Array(content.utf8)), size: size)
    }

    /// The steps, their names and how Go writes the numbers.
    @Test(
        arguments: [
            (0, ">0 B", "0"), (1000, ">0 B", "0"), (1001, ">1 KiB", "1000"), (1_000_001, ">1 MiB", "1e+06"),
            (10_000_001, ">10 MiB", "1e+07"), (60_000_000, ">50 MiB", "5e+07"), (100_000_001, ">100 MiB", "1e+08"),
            (200_000_001, ">200 MiB", "2e+08"), (300_000_001, ">300 MiB", "3e+08"), (400_000_001, ">400 MiB", "4e+08"),
            (500_000_001, ">500 MiB", "5e+08"), (1_000_000_001, ">1 GiB", "1e+09"), (Int64.max, ">10 GiB", "1e+10"),
            (-1, ">0 B", "0"),
        ] as [(Int64, String, String)])
    func sizesOfBlobs(size: Int64, label: String, bound: String) {
        #expect(BlobSize(size).label == label)
        #expect(BlobSize(size).bound == bound)
    }

    @Test func whatPullsTransfer() throws {
        let metrics = EngineMetrics()
        let name = try Reference(parsing: "r.example/a:1")
        metrics.note(.received(600, of: blob(1000)))
        metrics.note(.received(400, of: blob(1000)))
        metrics.note(.fetched(blob(1000)))
        metrics.note(.fetched(blob(1_500_000)))
        metrics.note(.reused(blob(2000), by: name))
        metrics.note(.reused(blob(2000), by: name))
        var text = Exposition(prefix: "p")
        text.add(metrics.counts.pulls)
        let lines = text.text.split(separator: "\n").filter { !$0.hasPrefix("# HELP") }
        #expect(
            lines == [
                "# TYPE p_image_pulls_bytes_total counter",
                "p_image_pulls_bytes_total{mediatype=\"t\",size=\">0 B\"} 1000",
                "# TYPE p_image_pulls_skipped_bytes_total counter",
                "p_image_pulls_skipped_bytes_total{size=\">1 KiB\"} 4000",
                "# TYPE p_image_layer_reuse_total counter",
                "p_image_layer_reuse_total{name=\"r.example/a:1@\(Digest(of: []))\"} 2",
                "# TYPE p_image_pulls_layer_size histogram",
                "p_image_pulls_layer_size_bucket{le=\"1000\"} 1", "p_image_pulls_layer_size_bucket{le=\"1e+06\"} 1",
                "p_image_pulls_layer_size_bucket{le=\"1e+07\"} 2", "p_image_pulls_layer_size_bucket{le=\"5e+07\"} 2",
                "p_image_pulls_layer_size_bucket{le=\"1e+08\"} 2", "p_image_pulls_layer_size_bucket{le=\"2e+08\"} 2",
                "p_image_pulls_layer_size_bucket{le=\"3e+08\"} 2", "p_image_pulls_layer_size_bucket{le=\"4e+08\"} 2",
                "p_image_pulls_layer_size_bucket{le=\"5e+08\"} 2", "p_image_pulls_layer_size_bucket{le=\"1e+09\"} 2",
                "p_image_pulls_layer_size_bucket{le=\"1e+10\"} 2", "p_image_pulls_layer_size_bucket{le=\"+Inf\"} 2",
                "p_image_pulls_layer_size_sum 1501000", "p_image_pulls_layer_size_count 2",
            ])
    }

    /// What strangers choose does not fill the memory.
    @Test func namesAreBounded() throws {
        var pulls = PullCounts()
        let name = try Reference(parsing: "r.example/a:1")
        for number in 0..<1100 {
            pulls.note(.received(1, of: blob(1, "t\(number)")))
            pulls.note(.reused(blob(1, "t", "\(number)"), by: name))
        }
        #expect(pulls.received.count == PullCounts.mostKinds + 1 && pulls.reused.count == PullCounts.mostNames + 1)
        #expect(pulls.received[.init(mediaType: "others", size: .any)] == 1000 && pulls.reused["others"] == 100)
    }
}
