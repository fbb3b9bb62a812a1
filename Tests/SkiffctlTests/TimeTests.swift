// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Testing

@testable import SkiffctlCommands

@Suite struct TimeTests {
    @Test(
        arguments: [
            ("10s", 10_000_000_000), ("1m30s", 90_000_000_000), ("300ms", 300_000_000), ("1.5h", 5_400_000_000_000),
            ("2", 2_000_000_000), ("0", 0), ("1us", 1000),
        ] as [(String, Int64)])
    func spans(_ text: String, _ nanoseconds: Int64) { #expect(TimeSpan(argument: text)?.nanoseconds == nanoseconds) }

    @Test(arguments: ["", "s", "10x", "-1s", "1m30", "ten", "1e99h"])
    func noSpans(_ text: String) { #expect(TimeSpan(argument: text) == nil) }

    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (1_136_214_245_000_000_001, "2006-01-02T15:04:05.000000001Z"),
            (1_136_214_245_120_000_000, "2006-01-02T15:04:05.12Z"), (999_999_999, "1970-01-01T00:00:00.999999999Z"),
            (4_102_444_799_999_999_999, "2099-12-31T23:59:59.999999999Z"),
        ] as [(Int64, String)])
    func timesAsText(_ time: Int64, _ text: String) {
        #expect(Clock.text(time) == text)
        #expect(Clock.parse(text) == time)
    }

    @Test(
        arguments: [
            ("1136214245", 1_136_214_245_000_000_000), ("1136214245.5", 1_136_214_245_500_000_000),
            ("2006-01-02T15:04:05Z", 1_136_214_245_000_000_000), ("2006-01-02T15:04:05", 1_136_214_245_000_000_000),
            ("2006-01-02T15:04", 1_136_214_240_000_000_000), ("2006-01-02T15", 1_136_214_000_000_000_000),
            ("2006-01-02", 1_136_160_000_000_000_000), ("1m30s", -90_000_000_000), ("yesterday", nil), ("", nil),
            ("2006-01", nil), ("1.2.3", nil), ("99999999999999999999", nil),
        ] as [(String, Int64?)])
    func moments(_ text: String, _ expected: Int64?) { #expect(Clock.moment(text, now: 0) == expected) }

    @Test func timesWithZone() {
        #expect(Clock.parse("2006-01-02T17:04:05.5+02:00") == 1_136_214_245_500_000_000)
        #expect(Clock.parse("2006-01-02T12:04:05-03:00") == 1_136_214_245_000_000_000)
    }

    @Test(arguments: ["", "10m", "2006-01-02", "2006-01-02T15:04:05", "2006-01-02T15:04:05.xZ", "T"])
    func noTimes(_ text: String) { #expect(Clock.parse(text) == nil) }
}
