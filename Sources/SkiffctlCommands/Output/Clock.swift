// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import FoundationEssentials

/// Times in nanoseconds since 1970, UTC.
enum Clock {
    static var now: Int64 { Int64(Date().timeIntervalSince1970 * 1e9) }

    /// `2006-01-02T15:04:05.000000001Z`, without zeros at the end of the fraction.
    static func text(_ time: Int64) -> String {
        let second = Int64((Double(time) / 1e9).rounded(.down))
        let whole = time - second * 1_000_000_000
        // The division above is inexact by less than a second.
        let (seconds, nanoseconds) = whole < 0 ? (second - 1, whole + 1_000_000_000) : (second, whole)
        let date = Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
        guard nanoseconds != 0 else { return date }
        var fraction = String(nanoseconds)
        fraction = String(repeating: "0", count: 9 - fraction.count) + fraction
        while fraction.hasSuffix("0") { fraction.removeLast() }
        return date.dropLast() + "." + fraction + "Z"
    }

    /// What a person may write for a moment: RFC 3339, of which the end may be missing, seconds since 1970, or a length of
    /// time before now. nil if it is none of these.
    static func moment(_ text: String, now: Int64) -> Int64? {
        if text.allSatisfy({ $0.isASCII && $0.isNumber || $0 == "." }), let seconds = Double(text) {
            return seconds < 9e9 ? Int64(seconds * 1e9) : nil
        }
        if let time = parse(text) { return time }
        let missing = ["Z", ":00Z", ":00:00Z", "T00:00:00Z"]
        if let time = missing.lazy.compactMap({ parse(text + $0) }).first { return time }
        return TimeSpan(argument: text).map { now - $0.nanoseconds }
    }

    /// Parses RFC 3339 with any fraction and zone; nil if it is none.
    static func parse(_ text: some StringProtocol) -> Int64? {
        guard let separator = text.firstIndex(where: { $0 == "T" || $0 == "t" }),
            let zone = text[separator...].lastIndex(where: { "Zz+-".contains($0) })
        else { return nil }
        let point = text[..<zone].firstIndex(of: ".") ?? zone
        let fraction = text[point..<zone].dropFirst()
        let zoneText = text[zone...].lowercased() == "z" ? "Z" : String(text[zone...])
        guard fraction.allSatisfy(\.isNumber), fraction.count <= 9,
            let date = try? Date(String(text[..<point]) + zoneText, strategy: .iso8601)
        else { return nil }
        let nanoseconds = Int64(fraction + String(repeating: "0", count: 9 - fraction.count)) ?? 0
        return Int64(date.timeIntervalSince1970) * 1_000_000_000 + nanoseconds
    }
}
