// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// The pause a `Retry-After` header asks for: seconds, or a date in the preferred form
/// `Sun, 06 Nov 1994 08:49:37 GMT`. `now` is in seconds since 1970. Source: RFC 9110, 10.2.3 and 5.6.7.
func retryAfter(_ header: String?, now: Int64) -> Duration? {
    guard let header else { return nil }
    if let seconds = Int64(header) { return .seconds(max(0, min(seconds, 86400))) }
    let words = header.split(separator: " ")
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    guard words.count == 6, words[5] == "GMT", let day = Int64(words[1]), (1...31).contains(day),
        let month = months.firstIndex(of: String(words[2])), let year = Int64(words[3]), (1970...9999).contains(year)
    else { return nil }
    let clock = words[4].split(separator: ":").compactMap { Int64($0) }
    guard clock.count == 3, clock.allSatisfy({ (0...60).contains($0) }) else { return nil }
    let date = days(year: year, month: Int64(month) + 1, day: day) * 86400 + clock[0] * 3600 + clock[1] * 60 + clock[2]
    return .seconds(max(0, min(date - now, 86400)))
}

/// Days since 1970 of a date of the Gregorian calendar, with years that begin in March so that leap days come last.
private func days(year: Int64, month: Int64, day: Int64) -> Int64 {
    let shifted = month <= 2 ? year - 1 : year
    let era = shifted / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
}
