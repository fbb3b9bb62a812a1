// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// Points in time as RFC 3339 writes them, in UTC.
package enum TimeText {
    /// Now, `2026-11-22T18:10:05.123456789Z`.
    package static func now() -> String { text(nanoseconds: KernelClock.realtime) }

    /// A time in nanoseconds since 1970.
    package static func text(nanoseconds: Int64) -> String {
        let seconds = nanoseconds / 1_000_000_000
        let (year, month, day) = date(daysSince1970: seconds / 86400)
        let second = seconds % 86400
        let clock = [second / 3600, second / 60 % 60, second % 60].map { padded($0, 2) }.joined(separator: ":")
        let fraction = padded(nanoseconds % 1_000_000_000, 9)
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T\(clock).\(fraction)Z"
    }

    /// The Gregorian calendar in eras of 400 years that begin on the first of March, so that the leap day is last.
    private static func date(daysSince1970 days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
