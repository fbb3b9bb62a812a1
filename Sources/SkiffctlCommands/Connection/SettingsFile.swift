// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux

/// The settings file, in the form of /etc/crictl.yaml.
struct SettingsFile: Equatable {
    static let standardPath = "/etc/crictl.yaml"

    var runtimeEndpoint: String?
    var imageEndpoint: String?
    var timeout: TimeSpan?
    var debug = false
    var pullOnCreate = false
    var disablePullOnRun = false

    /// Reads a file that was asked for, or the standard one if it exists.
    static func load(_ path: String?) throws -> SettingsFile {
        guard path != nil || Syscall.exists(standardPath) else { return SettingsFile() }
        return try SettingsFile(ConfigFile.read(path ?? standardPath), from: path ?? standardPath)
    }

    init() {}

    init(_ document: JSON, from path: String) throws(CommandError) {
        guard case .object(let members) = document else {
            if document == .null { return }
            throw CommandError("read settings", path, "not a mapping")
        }
        for member in members {
            let (key, value) = (member.key, member.value)
            switch (key, value) {
            case ("runtime-endpoint", .string(let text)): runtimeEndpoint = text.isEmpty ? nil : text
            case ("image-endpoint", .string(let text)): imageEndpoint = text.isEmpty ? nil : text
            case ("timeout", .number(let text)), ("timeout", .string(let text)):
                guard let span = TimeSpan(argument: text) else {
                    throw CommandError("read settings", path, "\(key): not a time: \"\(text)\"")
                }
                timeout = span
            case ("debug", .bool(let flag)): debug = flag
            case ("pull-image-on-create", .bool(let flag)): pullOnCreate = flag
            case ("disable-pull-on-run", .bool(let flag)): disablePullOnRun = flag
            case ("runtime-endpoint", _), ("image-endpoint", _), ("timeout", _), ("debug", _),
                ("pull-image-on-create", _), ("disable-pull-on-run", _):
                throw CommandError("read settings", path, "wrong type of value for key \"\(key)\"")
            default:
                throw CommandError("read settings", path, "unknown key \"\(key)\"")
            }
        }
    }
}
