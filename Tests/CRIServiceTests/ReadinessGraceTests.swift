// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Testing

@testable import CRIService

struct ReadinessGraceTests {
    private func excused(
        _ grace: inout ReadinessGrace<String>, _ subject: String, _ seconds: [Int], since start: ContinuousClock.Instant
    ) -> [Bool] {
        seconds.map { grace.excuses(subject, at: start + .seconds($0)) }
    }

    @Test func aFailureCountsOnceItHasLasted() {
        let start = ContinuousClock.now
        var grace = ReadinessGrace<String>(.seconds(30))
        // It was never ready.
        #expect(excused(&grace, "a", [0, 1], since: start) == [false, false])
        grace.noteReady("a")
        #expect(excused(&grace, "a", [10, 39, 40, 41], since: start) == [true, true, false, false])
        // What works again has its time anew; that of others does not count.
        grace.noteReady("a")
        #expect(excused(&grace, "a", [60, 89], since: start) == [true, true])
        #expect(excused(&grace, "b", [61], since: start) == [false])
    }

    @Test func withoutTimeEveryFailureCounts() {
        var grace = ReadinessGrace<String>(.zero)
        grace.noteReady("a")
        #expect(excused(&grace, "a", [0, 0, 1], since: .now) == [false, false, false])
    }
}
