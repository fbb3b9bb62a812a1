// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Settings by their keys, as text.
extension SettingsFile {
    static let keys = [
        "runtime-endpoint", "image-endpoint", "timeout", "debug", "pull-image-on-create", "disable-pull-on-run",
    ]

    /// Empty when it is not set.
    func value(_ key: String) throws(CommandError) -> String {
        switch key {
        case "runtime-endpoint": return runtimeEndpoint ?? ""
        case "image-endpoint": return imageEndpoint ?? ""
        case "timeout": return timeout.map(\.text) ?? ""
        case "debug": return String(debug)
        case "pull-image-on-create": return String(pullOnCreate)
        case "disable-pull-on-run": return String(disablePullOnRun)
        default: throw CommandError("get", key, "no such key")
        }
    }

    /// Nothing is changed when the value is not one of the key.
    mutating func set(_ key: String, _ value: String) throws(CommandError) {
        switch key {
        case "runtime-endpoint": runtimeEndpoint = value.isEmpty ? nil : value
        case "image-endpoint": imageEndpoint = value.isEmpty ? nil : value
        case "timeout":
            guard let span = TimeSpan(argument: value) else {
                throw CommandError("set", key, "not a time: \"\(value)\"")
            }
            timeout = span
        case "debug": debug = try Self.flag(key, value)
        case "pull-image-on-create": pullOnCreate = try Self.flag(key, value)
        case "disable-pull-on-run": disablePullOnRun = try Self.flag(key, value)
        default: throw CommandError("set", key, "no such key")
        }
    }

    private static func flag(_ key: String, _ value: String) throws(CommandError) -> Bool {
        // As crictl reads them.
        switch value {
        case "1", "t", "T", "true", "TRUE", "True": return true
        case "0", "f", "F", "false", "FALSE", "False": return false
        default: throw CommandError("set", key, "neither true nor false: \"\(value)\"")
        }
    }

    /// What the file says.
    var document: JSON {
        .object([
            "runtime-endpoint": .string(runtimeEndpoint ?? ""), "image-endpoint": .string(imageEndpoint ?? ""),
            "timeout": timeout.map { .string($0.text) } ?? .number("0"), "debug": .bool(debug),
            "pull-image-on-create": .bool(pullOnCreate), "disable-pull-on-run": .bool(disablePullOnRun),
        ])
    }
}
