// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ContainerRuntime
internal import Linux

/// Where errors go: standard error, and the file that the caller named. containerd reads the last record of that file,
/// conmon reads standard error.
struct RuntimeLog {
    enum Level: String { case error, warning }

    private let file: SharedFD?
    private let isJSON: Bool

    /// Appends to the file, which is made where it is missing.
    init(path: String?, format: String) throws {
        switch format {
        case "text": isJSON = false
        case "json": isJSON = true
        default: throw UsageError("invalid log-format: \(format)")
        }
        guard let path, !path.isEmpty else {
            file = nil
            return
        }
        file = try SystemError.attempt("open", path) { () throws(Errno) in
            SharedFD(try Syscall.open(path, [.writeOnly, .create, .append], mode: 0o644))
        }
    }

    func write(_ level: Level, _ message: String) {
        // With nobody to tell that telling fails, the failure is dropped.
        try? Syscall.writeAll(2, Array("\(message)\n".utf8))
        guard let file else { return }
        try? file.descriptor.writeAll(record(level, message))
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

    /// One line whatever the message holds.
    private static func quoted(_ text: String) -> String {
        text.reduce(into: "\"") { quoted, character in
            switch character {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            default: quoted.append(character)
            }
        } + "\""
    }
}
