// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// What went wrong with a plugin: `CreateContainer in NRI plugin "10-pinner": no CPU is free`.
package struct PluginError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What a caller can tell apart.
    package enum Code: Hashable, Sendable {
        /// The plugin said no.
        case refused
        /// It is gone, too late, or breaks the protocol: it is asked no more.
        case broken
        /// It asks for what another one has set, or for what cannot be done.
        case invalid
    }

    package var code: Code
    /// The method, or what was done.
    package var operation: String
    /// The plugin's index and name.
    package var plugin: String
    package var cause: String

    package init(_ code: Code, _ operation: String, _ plugin: String, _ cause: String) {
        self.code = code
        self.operation = operation
        self.plugin = plugin
        self.cause = cause
    }

    package var description: String { "\(operation) in NRI plugin \"\(plugin)\": \(cause)" }
}
