// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

/// A POSIX extended regular expression. See regex(7).
package struct RegularExpression: Hashable, Sendable {
    private let text: String

    /// What is wrong with an expression.
    package struct SyntaxError: Error, Hashable, Sendable, CustomStringConvertible {
        package var description: String
    }

    /// Throws `regular expression "(": Unmatched ( or \(`.
    package init(_ text: String) throws(SyntaxError) {
        self.text = text
        guard !text.utf8.contains(0) else { throw SyntaxError(description: "regular expression with a NUL byte") }
        var error = [CChar](repeating: 0, count: 128)
        guard unsafe clx_regex_match(text, "", &error, error.count) >= 0 else {
            let reason = String(decoding: error.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            throw SyntaxError(description: "regular expression \"\(text)\": \(reason)")
        }
    }

    /// Whether a part of the text matches. The corresponding function is `regexec(3)`.
    package func matches(_ subject: String) -> Bool {
        var error = [CChar](repeating: 0, count: 1)
        return unsafe clx_regex_match(text, subject, &error, error.count) == 1
    }
}
