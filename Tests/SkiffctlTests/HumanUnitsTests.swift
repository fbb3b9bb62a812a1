// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Testing

@testable import SkiffctlCommands

@Suite struct HumanUnitsTests {
    @Test(
        arguments: [
            (0, "0B"), (999, "999B"), (1000, "1kB"), (1234, "1.23kB"), (4_270_000, "4.27MB"), (4_200_000, "4.2MB"),
            (12_345_678, "12.3MB"), (123_456_789, "123MB"), (999_499, "999kB"), (999_500, "1MB"), (9_999_000, "10MB"),
            (1_000_000_000_000, "1TB"),
        ] as [(UInt64, String)])
    func sizes(_ bytes: UInt64, _ text: String) { #expect(HumanUnits.size(bytes) == text) }

    @Test(
        arguments: [
            (-5, "Less than a second"), (1, "1 second"), (59, "59 seconds"), (60, "About a minute"), (120, "2 minutes"),
            (3599, "59 minutes"), (3600, "About an hour"), (7200, "2 hours"), (47 * 3600, "47 hours"),
            (48 * 3600, "2 days"), (15 * 86400, "2 weeks"), (70 * 86400, "2 months"), (800 * 86400, "2 years"),
        ] as [(Int64, String)])
    func ages(_ seconds: Int64, _ text: String) {
        #expect(HumanUnits.age(of: 0, now: seconds * 1_000_000_000) == text + " ago")
    }

    @Test func shortIDs() {
        #expect(HumanUnits.shortID("sha256:0123456789abcdef") == "0123456789abc")
        #expect(HumanUnits.shortID("0123456789abcdef") == "0123456789abc")
        #expect(HumanUnits.shortID("abc") == "abc")
    }

    @Test func tables() {
        var table = Table(["ID", "NAME"])
        table.append(["a much longer cell than twenty", "x"])
        #expect(table.lines == ["ID                               NAME", "a much longer cell than twenty   x"])
        #expect(Table(["ID", "NAME"]).lines == ["ID                  NAME"])
    }
}
