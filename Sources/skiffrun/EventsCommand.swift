// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ContainerRuntime
internal import Linux

/// `events`.
enum EventsCommand {
    static let command = Command(
        name: "events", summary: "print what a container uses, and when its memory runs out",
        details: """
            Prints one JSON object a line: of the type "stats" at each interval, of the type "oom" when the kernel kills
            for want of memory. Ends with the container.
            """,
        options: OptionTable([
            .value("interval", "DURATION", "time between two statistics, such as 500ms or 1m30s (default 5s)"),
            .flag("stats", "print the statistics once and end"),
        ]), run: run)

    private static func run(_ invocation: Invocation) throws -> Int32 {
        let interval = try DurationText.nanoseconds(invocation.options["interval"] ?? "5s")
        let container = try invocation.container()
        if invocation.options.has("stats") {
            try print(try container.statistics())
        } else {
            try container.follow(everyNanoseconds: interval, print)
        }
        return 0
    }

    private static func print(_ event: ContainerEvent) throws {
        try SystemError.attempt("write to", "standard output") { () throws(Errno) in
            try Syscall.writeAll(1, JSONText.encode(event) + [10])
        }
    }
}

/// Durations as Go's programs write them.
enum DurationText {
    private static let units: [String: Double] = [
        "ns": 1, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9,
    ]

    /// `5s`, `1m30s`, `0.5s`
    static func nanoseconds(_ text: String) throws -> Int64 {
        // The one number that needs no unit.
        var rest = text == "0" ? "0s" : text[...]
        var sum = 0.0
        repeat {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { !($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(unit.count)
            guard let number = Double(digits), let scale = units[String(unit)] else {
                throw UsageError("invalid value \"\(text)\" for flag --interval: a duration such as 5s is expected")
            }
            sum += number * scale
        } while !rest.isEmpty
        guard sum >= 1 else { throw UsageError("duration interval must be greater than 0") }
        return Int64(min(sum, 1e18))
    }
}
