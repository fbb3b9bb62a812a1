// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Sizes, ages and ids as people read them.
enum HumanUnits {
    private static let sizeUnits = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]

    /// Three significant digits in powers of 1000: `4.27MB`.
    static func size(_ bytes: UInt64) -> String {
        var value = Double(bytes)
        var unit = 0
        while unit < sizeUnits.count - 1, value >= 999.5 || (unit == 0 && value >= 1000) {
            value /= 1000
            unit += 1
        }
        return threeDigits(value) + sizeUnits[unit]
    }

    private static func threeDigits(_ value: Double) -> String {
        let decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2
        let scale = [1.0, 10, 100][decimals]
        let scaled = Int((value * scale).rounded())
        var text = String(scaled / Int(scale))
        guard decimals > 0, scaled % Int(scale) != 0 else { return text }
        let fraction = String(scaled % Int(scale))
        text += "." + String(repeating: "0", count: decimals - fraction.count) + fraction
        while text.hasSuffix("0") { text.removeLast() }
        return text
    }

    /// `5 minutes ago`; the time is in ns since 1970.
    static func age(of time: Int64, now: Int64) -> String { length((now - time) / 1_000_000_000) + " ago" }

    /// The words that Docker has for a number of seconds.
    static func length(_ seconds: Int64) -> String {
        let hours = (seconds + 1800) / 3600
        switch true {
        case seconds < 1: return "Less than a second"
        case seconds == 1: return "1 second"
        case seconds < 60: return "\(seconds) seconds"
        case seconds < 120: return "About a minute"
        case seconds < 3600: return "\(seconds / 60) minutes"
        case hours == 1: return "About an hour"
        case hours < 48: return "\(hours) hours"
        case hours < 24 * 7 * 2: return "\(hours / 24) days"
        case hours < 24 * 30 * 2: return "\(hours / 24 / 7) weeks"
        case hours < 24 * 365 * 2: return "\(hours / 24 / 30) months"
        default: return "\(hours / 24 / 365) years"
        }
    }

    /// The first 13 characters of an id or digest.
    static func shortID(_ id: String) -> String {
        String((id.hasPrefix("sha256:") ? id.dropFirst("sha256:".count) : id[...]).prefix(13))
    }
}
