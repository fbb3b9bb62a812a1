// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import OCIImageSpec

/// Why an image may not be used, or why that cannot be told.
package struct PolicyError: Error, Hashable, CustomStringConvertible {
    /// The kind of failure, for callers that decide by it.
    package enum Code: Hashable, Sendable {
        /// The policy's file breaks its rules; then nothing is allowed.
        case unusable
        /// The policy does not allow the image.
        case rejected
    }

    /// The kind of failure.
    package var code: Code
    /// What was attempted: `read`, `use`.
    package var operation: String
    /// The file or the image.
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
}
