// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// What was attempted, on what, and why it failed, with the kind of fault for callers that decide by it.
package struct CodedError<Fault: Hashable & Sendable>: Error, Hashable, CustomStringConvertible {
    /// The kinds of fault.
    package typealias Code = Fault

    /// The kind of fault.
    package var code: Code
    /// What was attempted: `parse reference`.
    package var operation: String
    /// What it was attempted on, unquoted; shown in quotes and shortened when long.
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
    package var description: String { "\(operation) \(QuotedText.line(subject)): \(reason)" }
}

/// Text of strangers in messages.
package enum QuotedText {
    /// The text in double quotes on one line, cut after 300 characters. Escaped is what would move or hide text on a
    /// terminal or in a log: control characters, and those that change the direction of writing.
    package static func line(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars.prefix(300) {
            let isSpecial = scalar == "\"" || scalar == "\\" || moves(scalar)
            // Other letters than those of ASCII are escaped only when they are asked to be.
            out += isSpecial ? scalar.escaped(asASCII: true) : String(scalar)
        }
        return out + (text.unicodeScalars.count > 300 ? "...\"" : "\"")
    }

    /// Whether the character is none that is seen in its place.
    package static func moves(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
