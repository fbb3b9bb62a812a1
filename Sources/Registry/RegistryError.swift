// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import OCIImageSpec

/// A failure of a registry, or of the way to it. Cancellation is not one: that stays `CancellationError`.
package struct RegistryError: Error, Hashable, CustomStringConvertible {
    /// The kind of failure, for callers that decide by it.
    package enum Code: Hashable, Sendable {
        /// The repository, manifest or blob is not there.
        case notFound
        /// The registry or its token server wants other credentials. Many answer so for repositories that are not there.
        case unauthorized
        /// The credentials are good, but not for this.
        case denied
        /// Too many requests, also after waiting.
        case limited
        /// The registry cannot be reached, breaks the connection, stalls, or is out of order.
        case unavailable
        /// The registry delivers something that breaks the rules.
        case invalid
        /// The registry delivers something valid that is not supported.
        case unsupported
    }

    /// One entry of the registry's own error list. Source: distribution-spec, "Error Codes".
    package struct Detail: Hashable, Sendable, CustomStringConvertible {
        /// `MANIFEST_UNKNOWN`, ...
        package var code: String
        /// The registry's words.
        package var message: String

        /// An entry of the given parts.
        package init(code: String, message: String) {
            self.code = code
            self.message = message
        }

        /// Code and words on one line.
        package var description: String { message.isEmpty ? code : "\(code): \(message)" }
    }

    /// The kind of failure.
    package var code: Code
    /// What was attempted: `pull`.
    package var operation: String
    /// The image it was attempted on.
    package var subject: String
    /// What happened, from the outer step to the inner one.
    package var reason: String
    /// The status of the registry's answer, if there was an answer.
    package var status: Int?
    /// What the registry says about it.
    package var details: [Detail]

    /// An error of the given parts.
    package init(
        _ code: Code, operation: String, subject: String, reason: String, status: Int? = nil, details: [Detail] = []
    ) {
        self.code = code
        self.operation = operation
        self.subject = subject
        self.reason = reason
        self.status = status
        self.details = details
    }

    /// What happened, and the registry's words.
    package var wholeReason: String {
        ([reason] + details.map(\.description)).joined(separator: ": ")
    }

    /// One line: operation, quoted subject, reason, the registry's words.
    package var description: String { "\(operation) \(QuotedText.line(subject)): \(wholeReason)" }
}
