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
            // As if it were not there.
            if member.value == .null { continue }
            guard let text = Self.text(member.value) else {
                throw CommandError("read settings", path, "\(member.key): wrong type of value")
            }
            do {
                try set(member.key, text)
            } catch {
                throw CommandError("read settings", path, "\(member.key): \(error.cause)")
            }
        }
    }

    /// A value as it is written, in quotes or not; nil for what has parts.
    private static func text(_ value: JSON) -> String? {
        switch value {
        case .number(let text), .string(let text): text
        case .bool(let flag): flag ? "true" : "false"
        default: nil
        }
    }
}
