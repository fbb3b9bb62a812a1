// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import OCIRuntimeSpec

/// A file of a hooks folder, format 1.0.0: a hook, when it applies and at which stages it runs. See oci-hooks(5).
package struct HookDefinition: Decodable, Hashable, Sendable {
    /// Each condition that is there must hold.
    package struct Conditions: Decodable, Hashable, Sendable {
        var always: Bool?
        /// Regular expressions of keys and values, each of which one annotation must match.
        var annotations: [String: String]?
        /// Regular expressions of the command's first word, one of which must match.
        var commands: [String]?
        var hasBindMounts: Bool?
    }

    var version: String
    var hook: Hook
    var when: Conditions
    var stages: [String]

    /// Whether the hook applies to a container.
    func applies(command: String, annotations: [String: String], hasBindMounts: Bool) throws -> Bool {
        if let always = when.always, !always { return false }
        if let wanted = when.hasBindMounts, wanted != hasBindMounts { return false }
        if let commands = when.commands, try !commands.contains(where: { try Self.matches($0, command) }) {
            return false
        }
        for (key, value) in when.annotations ?? [:] {
            guard try annotations.contains(where: { try Self.matches(key, $0.key) && Self.matches(value, $0.value) })
            else { return false }
        }
        // A hook without any condition applies to nothing.
        return when != Conditions()
    }

    private static func matches(_ pattern: String, _ text: String) throws -> Bool {
        try text.firstMatch(of: Regex(pattern)) != nil
    }
}
