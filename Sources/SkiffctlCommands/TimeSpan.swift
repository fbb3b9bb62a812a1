// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser

/// A length of time as Go writes it: `300ms`, `10s`, `1m30s`, `1.5h`. A bare number is seconds.
struct TimeSpan: Hashable, Sendable, ExpressibleByArgument {
    var nanoseconds: Int64

    var duration: Duration { .nanoseconds(nanoseconds) }

    private static let units: [(name: String, nanoseconds: Double)] = [
        ("ns", 1), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9),
    ]

    static func seconds(_ seconds: Int64) -> TimeSpan { TimeSpan(nanoseconds: seconds * 1_000_000_000) }

    private init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// In seconds, or in the largest unit that needs no fraction.
    var text: String {
        for (name, scale) in [("s", Int64(1_000_000_000)), ("ms", 1_000_000), ("us", 1000)]
        where nanoseconds % scale == 0 {
            return "\(nanoseconds / scale)\(name)"
        }
        return "\(nanoseconds)ns"
    }

    init?(argument: String) {
        var total = 0.0
        var rest = Substring(argument)
        if let seconds = Double(argument) {
            total = seconds * 1e9
            rest = ""
        } else if argument.isEmpty {
            return nil
        }
        while !rest.isEmpty {
            let number = rest.prefix { $0.isNumber || $0 == "." }
            let unit = rest.dropFirst(number.count).prefix { !$0.isNumber && $0 != "." }
            guard let value = Double(number), let scale = Self.units.first(where: { $0.name == unit }) else {
                return nil
            }
            total += value * scale.nanoseconds
            rest = rest.dropFirst(number.count + unit.count)
        }
        guard total >= 0, total < Double(Int64.max) else { return nil }
        nanoseconds = Int64(total)
    }
}
