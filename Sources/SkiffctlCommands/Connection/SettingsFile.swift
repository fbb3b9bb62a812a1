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
            guard Self.keys.contains(member.key) else {
                throw CommandError("read settings", path, "unknown key \"\(member.key)\"")
            }
            do {
                try set(member.key, Self.text(member.value, of: member.key))
            } catch {
                throw CommandError("read settings", path, "\(member.key): \(error.cause)")
            }
        }
    }

    /// The text of a value of the right type.
    private static func text(_ value: JSON, of key: String) throws(CommandError) -> String {
        switch (key, value) {
        case ("timeout", .number(let text)), ("timeout", .string(let text)): return text
        case ("runtime-endpoint", .string(let text)), ("image-endpoint", .string(let text)): return text
        case ("debug", .bool(let flag)), ("pull-image-on-create", .bool(let flag)),
            ("disable-pull-on-run", .bool(let flag)):
            return flag ? "true" : "false"
        default: throw CommandError("set", key, "wrong type of value")
        }
    }
}
