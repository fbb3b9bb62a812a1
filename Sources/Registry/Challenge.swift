// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// One way a server offers to be authenticated against, from `WWW-Authenticate`.
///
///     WWW-Authenticate = challenge *( "," challenge )
///     challenge        = scheme [ token68 | name "=" value *( "," name "=" value ) ]
///     value            = token | quoted-string
///
/// One header may carry several challenges, and there may be several headers. Source: RFC 9110, 11.6.1.
struct Challenge: Hashable {
    /// In lower case: `bearer`, `basic`.
    var scheme: String
    /// Names in lower case.
    var parameters: [String: String] = [:]

    /// All challenges of all headers, in order. What cannot be read ends its header.
    static func parse(_ headers: [String]) -> [Challenge] {
        headers.flatMap { header in
            var scanner = Scanner(rest: header[...])
            return scanner.challenges()
        }
    }
}

private struct Scanner {
    var rest: Substring

    mutating func challenges() -> [Challenge] {
        var found: [Challenge] = []
        while true {
            skip { $0 == "," || $0 == " " || $0 == "\t" }
            guard let word = token() else { return found }
            skipSpace()
            // `word =` continues the challenge before; anything else begins one.
            if !found.isEmpty, let value = assignment() {
                found[found.count - 1].parameters[word.lowercased()] = value
            } else {
                found.append(Challenge(scheme: word.lowercased()))
                skipToken68()
            }
        }
    }

    private mutating func assignment() -> String? {
        guard rest.first == "=" else { return nil }
        rest.removeFirst()
        skipSpace()
        return rest.first == "\"" ? quotedString() : token() ?? ""
    }

    private mutating func quotedString() -> String {
        rest.removeFirst()
        var text = ""
        while let character = rest.popFirst(), character != "\"" {
            if character == "\\", let escaped = rest.popFirst() { text.append(escaped) } else { text.append(character) }
        }
        return text
    }

    /// Some schemes (Negotiate) carry a blob such as `abc==`, which is no parameter.
    private mutating func skipToken68() {
        let word = rest.prefix { Self.isTokenCharacter($0) || $0 == "/" }
        let padding = rest[word.endIndex...].prefix { $0 == "=" }
        let next = rest[padding.endIndex...].first
        if !word.isEmpty, next == nil || next == ",", !padding.isEmpty || word.contains("/") {
            rest = rest[padding.endIndex...]
        }
    }

    private mutating func token() -> String? {
        let word = rest.prefix(while: Self.isTokenCharacter)
        rest = rest[word.endIndex...]
        return word.isEmpty ? nil : String(word)
    }

    private mutating func skipSpace() { skip { $0 == " " || $0 == "\t" } }

    private mutating func skip(_ unwanted: (Character) -> Bool) { rest = rest.drop(while: unwanted) }

    private static func isTokenCharacter(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || "!#$%&'*+-.^_`|~".contains(character))
    }
}
