// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ContainerRuntime
internal import Linux

/// Where errors go: standard error, and the destination that the caller named. containerd reads the last record of a
/// file, conmon reads standard error.
struct RuntimeLog {
    enum Level: String, Comparable {
        case debug, warning, error

        private var rank: Int { self == .debug ? 0 : self == .warning ? 1 : 2 }
        static func < (one: Level, other: Level) -> Bool { one.rank < other.rank }

        /// The severity of syslog(3).
        var priority: Int { self == .debug ? 7 : self == .warning ? 4 : 3 }

        /// `--log-level`; runc's and crun's names.
        init?(named name: String) {
            switch name {
            case "debug", "info": self = .debug
            case "warning", "warn": self = .warning
            case "error", "fatal", "panic": self = .error
            default: return nil
            }
        }
    }

    private let destination: LogDestination?
    private let isJSON: Bool
    private let lowest: Level

    /// Throws what is wrong with the options.
    init(_ options: ParsedArguments) throws {
        isJSON = try options.choice("log-format", ["text", "json"]) == "json"
        let name = options["log-level"] ?? "warning"
        guard let level = Level(named: name) else {
            throw UsageError("invalid log-level \"\(name)\": error, warning or debug is expected")
        }
        lowest = options.has("debug") ? .debug : level
        destination = try LogDestination(options["log"])
    }

    func write(_ level: Level, _ message: String) {
        guard level >= lowest else { return }
        // With nobody to tell that telling fails, the failure is dropped.
        if level != .debug || destination == nil { try? Syscall.writeAll(2, Array("\(message)\n".utf8)) }
        try? destination?.write(level, message) { record(level, message) }
    }

    private func record(_ level: Level, _ message: String) -> [UInt8] {
        struct Record: Encodable {
            var level: String
            var msg: String
            var time: String
        }
        let time = TimeText.now()
        if isJSON {
            return JSONText.encode(Record(level: level.rawValue, msg: message, time: time)) + [10]
        }
        return Array("time=\"\(time)\" level=\(level.rawValue) msg=\(Self.quoted(message))\n".utf8)
    }

    /// One line whatever the message holds; a carriage return and a newline are one character of a string.
    private static func quoted(_ text: String) -> String {
        var quoted = "\"".unicodeScalars
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += ["\\", scalar]
            case "\n": quoted += "\\n".unicodeScalars
            case "\r": quoted += "\\r".unicodeScalars
            default: quoted.append(scalar)
            }
        }
        return String(quoted) + "\""
    }
}
