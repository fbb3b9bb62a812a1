// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import OCIImageSpec

/// Why a file about registries, or what it says, cannot be used.
package struct RegistryConfigurationError: Error, Hashable, CustomStringConvertible {
    /// The kind of fault, for callers that decide by it.
    package enum Code: Hashable, Sendable {
        /// A file breaks its rules or cannot be read.
        case unusable
        /// An administrator has forbidden this registry.
        case blocked
        /// A short name may mean several images, or none.
        case ambiguous
    }

    /// The kind of fault.
    package var code: Code
    /// What was attempted: `read`, `look up`.
    package var operation: String
    /// A file, an image, a registry.
    package var subject: String
    /// What is wrong, in a few words.
    package var reason: String

    /// An error of the given parts.
    package init(_ code: Code, _ operation: String, _ subject: String, _ reason: String) {
        self.code = code
        self.operation = operation
        self.subject = subject
        self.reason = reason
    }

    /// One line: operation, quoted subject, reason.
    package var description: String { "\(operation) \(ImageSpecError.quoted(subject)): \(reason)" }

    /// A fault of a file.
    static func file(_ path: String, line: Int? = nil, _ reason: String) -> RegistryConfigurationError {
        RegistryConfigurationError(.unusable, "read", path, line.map { "line \($0): \(reason)" } ?? reason)
    }
}
