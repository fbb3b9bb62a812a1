// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// What went wrong with a pod's network: one line, operation, quoted subject, cause.
package struct CNIError: Error, Sendable, CustomStringConvertible {
    /// What a caller can tell apart.
    package enum Code: Sendable, Equatable {
        /// There is no network configuration, or none of the wanted name.
        case noConfiguration
        /// A network configuration is malformed.
        case invalidConfiguration
        /// A container id, interface name or argument cannot be passed to a plugin.
        case invalidArgument
        /// A plugin's program is in none of the folders.
        case pluginMissing
        /// A plugin said no. The number is its own code: 1 to 99 are those of the CNI specification.
        case pluginFailed(UInt)
        /// A plugin took too long and was killed.
        case timedOut
        /// A plugin's answer cannot be understood.
        case invalidResult
        /// The result could not be kept or read back.
        case cache
        /// The caller went away, and the plugin was killed.
        case cancelled
    }

    /// The kind of failure.
    package var code: Code
    /// What was being done, such as `CNI ADD`.
    package var operation: String
    /// To what: a network, a file, a plugin.
    package var subject: String
    /// Why it failed; a plugin's own words where it said some.
    package var cause: String
    /// Why a failed ADD could not be undone; its attachment stays in the cache, so that DEL can be repeated.
    package var undo: String?

    /// The end of what the plugin wrote to its standard error, in one line, for the log.
    package var errorOutput = ""

    /// An error of these parts.
    package init(_ code: Code, _ operation: String, _ subject: String, _ cause: String) {
        self.code = code
        self.operation = operation
        self.subject = subject
        self.cause = cause
    }

    /// The one line.
    package var description: String {
        let text = "\(operation) \"\(subject)\": \(cause)"
        return undo.map { "\(text) (and undoing it failed: \($0))" } ?? text
    }
}
