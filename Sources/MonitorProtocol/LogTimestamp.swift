// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A time as a log line begins with: RFC 3339 in UTC with nanoseconds, `2006-01-02T15:04:05.000000000Z`.
///
/// One value is kept and moved on: date and time of day are computed once a second, and no memory is allocated.
package struct LogTimestamp: Sendable {
    /// The 30 bytes of the text.
    package private(set) var bytes = Array("1970-01-01T00:00:00.000000000Z".utf8)
    private var second: Int64 = 0

    /// The time in ns since 1970, year 1 to 9999.
    package init(_ nanoseconds: Int64 = 0) { set(nanoseconds) }

    /// The text.
    package var text: String { String(decoding: bytes, as: UTF8.self) }

    /// Moves to another time in ns since 1970.
    package mutating func set(_ nanoseconds: Int64) {
        let (days, nanosecondsOfDay) = Self.divide(nanoseconds, by: 86_400_000_000_000)
        let newSecond = days * 86_400 + nanosecondsOfDay / 1_000_000_000
        if newSecond != second {
            second = newSecond
            setDate(days)
            let secondOfDay = nanosecondsOfDay / 1_000_000_000
            put(secondOfDay / 3600, at: 11, digits: 2)
            put(secondOfDay / 60 % 60, at: 14, digits: 2)
            put(secondOfDay % 60, at: 17, digits: 2)
        }
        put(nanosecondsOfDay % 1_000_000_000, at: 20, digits: 9)
    }

    /// Days since 1970 to year, month and day of the Gregorian calendar. The year is counted from March, so that the
    /// leap day is its last: a month's first day is then a linear function of the month.
    private mutating func setDate(_ days: Int64) {
        let (era, dayOfEra) = Self.divide(days + 719_468, by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        put(yearOfEra + era * 400 + (month <= 2 ? 1 : 0), at: 0, digits: 4)
        put(month, at: 5, digits: 2)
        put(day, at: 8, digits: 2)
    }

    private mutating func put(_ value: Int64, at position: Int, digits: Int) {
        var rest = value
        for index in (0..<digits).reversed() {
            bytes[position + index] = UInt8(truncatingIfNeeded: 48 + rest % 10)
            rest /= 10
        }
    }

    /// Division that rounds down, also for times before 1970.
    private static func divide(_ value: Int64, by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
