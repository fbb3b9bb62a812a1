// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A word inside the braces of a template.
struct TemplateToken: Equatable {
    enum Kind: Equatable {
        /// `name`: a function, a keyword or a constant.
        case word(String)
        /// `.name`; empty for the dot alone.
        case field(String)
        /// `$name`; empty for the dollar alone.
        case variable(String)
        case literal(JSON)
        /// `(`, `)`, `|`, `,`, `=` or `:=`.
        case mark(String)
    }

    var kind: Kind
    /// Whether nothing stands between it and the token before: `(x).name` is a field of what is in parentheses.
    var isJoined: Bool
}

/// Cuts what stands inside the braces of a template into tokens.
struct TemplateLexer {
    private var rest: Substring

    private init(_ text: Substring) { rest = text }

    private static let longest = 500

    /// Throws `CommandError`s that quote what is wrong.
    static func tokens(_ text: Substring) throws(CommandError) -> [TemplateToken] {
        var lexer = TemplateLexer(text)
        var tokens: [TemplateToken] = []
        while true {
            let before = lexer.rest
            lexer.rest = before.drop { $0.isWhitespace }
            guard let first = lexer.rest.first else { return tokens }
            // What is made of them is as deep as they are many.
            guard tokens.count < longest else { throw CommandError("read template", nil, "an action is too long") }
            let isJoined = !tokens.isEmpty && lexer.rest.startIndex == before.startIndex
            tokens.append(TemplateToken(kind: try lexer.token(first), isJoined: isJoined))
        }
    }

    private mutating func token(_ first: Character) throws(CommandError) -> TemplateToken.Kind {
        switch first {
        case "(", ")", "|", ",", "=": return .mark(String(rest.removeFirst()))
        case ":":
            guard rest.hasPrefix(":=") else { throw Self.failure(rest) }
            rest = rest.dropFirst(2)
            return .mark(":=")
        case ".":
            rest.removeFirst()
            return .field(name())
        case "$":
            rest.removeFirst()
            return .variable(name())
        case "\"", "`": return .literal(.string(try quoted(first)))
        case _ where first.isNumber || first == "-" || first == "+": return .literal(try number())
        default:
            let word = name()
            guard !word.isEmpty else { throw Self.failure(rest) }
            return .word(word)
        }
    }

    private static func failure(_ rest: Substring) -> CommandError {
        CommandError("read template", String(rest.prefix(20)), "not understood")
    }

    private mutating func name() -> String {
        let name = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        rest = rest.dropFirst(name.count)
        return String(name)
    }

    private mutating func number() throws(CommandError) -> JSON {
        let word = rest.prefix { $0.isLetter || $0.isNumber || "+-._".contains($0) }
        guard let text = Self.usual(word) else { throw Self.failure(word) }
        rest = rest.dropFirst(word.count)
        return .number(text)
    }

    /// A number as it is printed: `0x10` is `16`, `1e3` is `1000`.
    private static func usual(_ word: Substring) -> String? {
        let digits = word.replacing("_", with: "")
        for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where digits.lowercased().hasPrefix(prefix) {
            return Int64(digits.dropFirst(2), radix: radix).map { String($0) }
        }
        if let number = Int64(digits) { return String(number) }
        guard let number = Double(digits), number.isFinite else { return nil }
        return Int64(exactly: number).map { String($0) } ?? String(number)
    }

    /// Text in double quotes has escapes, text in back quotes has none.
    private mutating func quoted(_ quote: Character) throws(CommandError) -> String {
        let start = rest
        rest.removeFirst()
        var text = ""
        while let next = rest.popFirst() {
            if next == quote { return text }
            if next == "\\", quote == "\"" {
                guard let escaped = rest.popFirst(), let meant = Self.escapes[escaped] else { break }
                text.append(meant)
            } else {
                text.append(next)
            }
        }
        throw CommandError(
            "read template", String(start.prefix(20)), "a quotation that does not end, or an unknown escape")
    }

    private static let escapes: [Character: Character] = [
        "n": "\n", "t": "\t", "r": "\r", "\\": "\\", "\"": "\"", "'": "'", "0": "\0",
    ]
}
