// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A text or document that breaks the image, distribution or reference rules.
package struct ImageSpecError: Error, Hashable, CustomStringConvertible {
    /// The kind of fault, for callers that decide by it.
    package enum Code: Hashable, Sendable {
        /// The text breaks its grammar, or the document its schema.
        case invalid
        /// The text or document is larger than its limit.
        case tooLarge
        /// A valid thing that is not supported: schema1 manifests, other digest algorithms.
        case unsupported
    }

    /// The kind of fault.
    package var code: Code
    /// What was attempted: `parse reference`.
    package var operation: String
    /// What it was attempted on, shown in quotes and shortened when long.
    package var subject: String
    /// Why it failed, in a few words.
    package var reason: String

    /// An error of the given parts.
    package init(_ code: Code, _ operation: String, _ subject: String, _ reason: String) {
        self.code = code
        self.operation = operation
        self.subject = subject
        self.reason = reason
    }

    /// One line: operation, quoted subject, reason.
    package var description: String { "\(operation) \(Self.quoted(subject)): \(reason)" }

    /// The text in double quotes on one line, cut after 300 characters. Escaped is what would move or hide text on a
    /// terminal or in a log: control characters, and those that change the direction of writing.
    package static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars.prefix(300) {
            let isSpecial = scalar == "\"" || scalar == "\\" || moves(scalar)
            // Other letters than those of ASCII are escaped only when they are asked to be.
            out += isSpecial ? scalar.escaped(asASCII: true) : String(scalar)
        }
        return out + (text.unicodeScalars.count > 300 ? "...\"" : "\"")
    }

    private static func moves(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
