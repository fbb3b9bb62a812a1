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

    /// Throws `CommandError`s that quote what is wrong.
    static func tokens(_ text: Substring) throws(CommandError) -> [TemplateToken] {
        var lexer = TemplateLexer(text)
        var tokens: [TemplateToken] = []
        while true {
            let before = lexer.rest
            lexer.rest = before.drop { $0.isWhitespace }
            guard let first = lexer.rest.first else { return tokens }
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
        guard let value = Double(word), value.isFinite else { throw Self.failure(word) }
        rest = rest.dropFirst(word.count)
        return .number(word.hasPrefix("+") ? String(word.dropFirst()) : String(word))
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
