// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import GRPCCore

/// What failed, on what, and why, in one line: `stop container "abc": not found: no such container`.
struct CommandError: Error, Hashable, CustomStringConvertible {
    var operation: String
    var subject: String?
    var cause: String
    /// That the subject is not there, and nothing else.
    var saysAbsent = false

    init(_ operation: String, _ subject: String? = nil, _ cause: String) {
        self.operation = operation
        self.subject = subject
        self.cause = cause
    }

    /// An answer of the engine. Codes that tell nothing are left out, and so is the operation where the engine names the
    /// same one.
    init(_ operation: String, _ subject: String?, _ error: RPCError) {
        let code = error.code == .unknown || error.code == .internalError ? "" : Self.words(error.code)
        var message = error.message.split(whereSeparator: \.isNewline).joined(separator: " ")[...]
        let named = CommandError(operation, subject, "").description
        if message.hasPrefix(named) { message = message.dropFirst(named.count) }
        let parts = [code, String(message)]
        let cause = parts.filter { !$0.isEmpty }.joined(separator: ": ")
        self.init(operation, subject, cause.isEmpty ? "unknown error" : cause)
    }

    var description: String {
        guard let subject else { return "\(operation): \(cause)" }
        return "\(operation) \"\(subject)\": \(cause)"
    }

    /// `notFound` as "not found".
    private static func words(_ code: RPCError.Code) -> String {
        var words = ""
        for character in code.description {
            if character.isUppercase { words += " " }
            words += character.lowercased()
        }
        return words
    }
}
