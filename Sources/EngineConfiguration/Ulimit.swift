// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A limit of setrlimit(2) as a line of the configuration: `nofile=1024:524288`, or `nofile=1024` for both; `-1` and
/// `unlimited` are no limit.
package struct Ulimit: Hashable, Sendable {
    /// `RLIMIT_NOFILE`.
    package var type: String
    package var soft: UInt64
    package var hard: UInt64

    private static let names: Set<Substring> = [
        "as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss",
        "rtprio", "rttime", "sigpending", "stack",
    ]

    /// Nil when the text is none.
    package init?(_ text: String) {
        let parts = text.split(separator: "=", omittingEmptySubsequences: false)
        guard parts.count == 2, Self.names.contains(parts[0]) else { return nil }
        let numbers = parts[1].split(separator: ":", omittingEmptySubsequences: false).map(Self.number)
        guard (1...2).contains(numbers.count), let soft = numbers[0], let hard = numbers[numbers.count - 1],
            soft <= hard
        else { return nil }
        type = "RLIMIT_\(parts[0].uppercased())"
        self.soft = soft
        self.hard = hard
    }

    private static func number(_ text: Substring) -> UInt64? {
        text == "-1" || text == "unlimited" ? .max : UInt64(text)
    }
}
