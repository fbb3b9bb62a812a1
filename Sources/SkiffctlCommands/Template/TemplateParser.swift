// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Reads templates in the language of Go's package text/template.
struct TemplateParser {
    /// What stands between two `{{`, or inside them.
    private enum Piece {
        case text(String)
        case action([TemplateToken])
    }

    /// What ends a list of nodes, and the tokens behind that word.
    private struct Ending {
        var word: String
        var rest: ArraySlice<TemplateToken>
    }

    private var pieces: ArraySlice<Piece>
    private var definitions: [String: [TemplateNode]] = [:]
    private var depth = 0
    /// How many ranges there are around, which can be left.
    private var ranges = 0
    private static let deepest = 100

    /// The template, and those that it defines by name.
    static func parse(_ text: String) throws(CommandError) -> (
        nodes: [TemplateNode], definitions: [String: [TemplateNode]]
    ) {
        var parser = TemplateParser(pieces: try pieces(text)[...])
        let (nodes, ending) = try parser.nodes()
        if let ending { throw failure("\(ending.word) without a beginning") }
        return (nodes, parser.definitions)
    }

    private init(pieces: ArraySlice<Piece>) { self.pieces = pieces }

    private static func failure(_ cause: String) -> CommandError { CommandError("read template", nil, cause) }

    // MARK: Pieces

    /// `{{-` takes the white space before it away, `-}}` that behind it.
    private static func pieces(_ text: String) throws(CommandError) -> [Piece] {
        var pieces: [Piece] = []
        var rest = text[...]
        var trimsNext = false
        while let start = rest.firstRange(of: "{{") {
            var before = rest[..<start.lowerBound]
            var inside = rest[start.upperBound...]
            let end = try end(of: inside)
            rest = inside[end...].dropFirst(2)
            inside = inside[..<end]
            if trimsNext { before = before.drop { $0.isWhitespace } }
            if inside.hasPrefix("-"), inside.dropFirst().first?.isWhitespace ?? false {
                inside = inside.dropFirst()
                while before.last?.isWhitespace ?? false { before.removeLast() }
            }
            trimsNext = inside.hasSuffix("-") && inside.dropLast().last?.isWhitespace ?? false
            if trimsNext { inside = inside.dropLast() }
            if !before.isEmpty { pieces.append(.text(String(before))) }
            let words = inside.drop { $0.isWhitespace }
            if !words.hasPrefix("/*") {
                pieces.append(.action(try TemplateLexer.tokens(inside)))
            } else if let end = words.firstRange(of: "*/"),
                words[end.upperBound...].contains(where: { !$0.isWhitespace })
            {
                throw failure("words behind a comment")
            }
        }
        if trimsNext { rest = rest.drop { $0.isWhitespace } }
        if !rest.isEmpty { pieces.append(.text(String(rest))) }
        return pieces
    }

    /// Where the braces are closed; those inside quotations and comments do not count.
    private static func end(of text: Substring) throws(CommandError) -> Substring.Index {
        var rest = text
        var quote: Character?
        while let next = rest.first {
            switch (quote, next) {
            case (nil, _) where rest.hasPrefix("}}"): return rest.startIndex
            case (nil, _) where rest.hasPrefix("/*"):
                rest = rest.firstRange(of: "*/").map { rest[$0.lowerBound...] } ?? ""
            case (nil, "\""), (nil, "`"): quote = next
            case ("\"", "\\"): rest = rest.dropFirst()
            case (let open?, _) where open == next: quote = nil
            default: break
            }
            rest = rest.dropFirst()
        }
        throw failure("\"{{\(text.prefix(20))\" is not closed")
    }

    // MARK: Nodes

    private mutating func nodes() throws(CommandError) -> ([TemplateNode], Ending?) {
        var nodes: [TemplateNode] = []
        while let piece = pieces.popFirst() {
            switch piece {
            case .text(let text): nodes.append(.text(text))
            case .action(let tokens):
                if let ending = Self.ending(tokens) { return (nodes, ending) }
                if let node = try node(tokens[...]) { nodes.append(node) }
            }
        }
        return (nodes, nil)
    }

    private static func ending(_ tokens: [TemplateToken]) -> Ending? {
        guard case .word(let word)? = tokens.first?.kind, word == "end" || word == "else" else { return nil }
        return Ending(word: word, rest: tokens.dropFirst())
    }

    private mutating func node(_ tokens: ArraySlice<TemplateToken>) throws(CommandError) -> TemplateNode? {
        guard case .word(let word)? = tokens.first?.kind else { return .value(try Self.pipeline(tokens)) }
        let rest = tokens.dropFirst()
        switch word {
        case "if", "with", "range": return try block(word, rest)
        case "break", "continue":
            guard rest.isEmpty else { throw Self.failure("words behind \(word)") }
            guard ranges > 0 else { throw Self.failure("\(word) outside of a range") }
            return .leave(word == "break" ? .break : .continue)
        case "template": return try call(rest)
        case "define", "block":
            let call = try call(rest)
            guard case .call(let name, let pipeline) = call else { return nil }
            guard word == "block" || (depth == 0 && pipeline == nil) else {
                throw Self.failure("define inside another action, or with words behind the name")
            }
            definitions[name] = try closed(word, ranges: 0)
            return word == "block" ? call : nil
        default: return .value(try Self.pipeline(tokens))
        }
    }

    private mutating func block(_ word: String, _ tokens: ArraySlice<TemplateToken>) throws(CommandError)
        -> TemplateNode
    {
        let pipeline = try Self.pipeline(tokens, inRange: word == "range")
        let (body, ending) = try nested(word, ranges: word == "range" ? ranges + 1 : ranges)
        let otherwise = ending.word == "else" ? try otherwise(word, ending.rest) : []
        switch word {
        case "if": return .condition(pipeline, body, else: otherwise)
        case "with": return .with(pipeline, body, else: otherwise)
        default: return .range(pipeline, body, else: otherwise)
        }
    }

    /// `else`, and of an `if` also `else if`, of a `with` also `else with`, whose end is that of the whole.
    private mutating func otherwise(
        _ word: String, _ tokens: ArraySlice<TemplateToken>
    ) throws(CommandError) -> [TemplateNode] {
        guard let first = tokens.first else { return try closed(word, ranges: ranges) }
        guard first.kind == .word(word), word != "range" else { throw Self.failure("words behind else") }
        depth += 1
        defer { depth -= 1 }
        return [try block(word, tokens.dropFirst())]
    }

    /// Nodes up to the end.
    private mutating func closed(_ word: String, ranges: Int) throws(CommandError) -> [TemplateNode] {
        let (body, ending) = try nested(word, ranges: ranges)
        guard ending.word == "end" else { throw Self.failure("\(word) without an end") }
        return body
    }

    private mutating func nested(
        _ word: String, ranges inner: Int
    ) throws(CommandError) -> ([TemplateNode], Ending) {
        let outer = (depth, ranges)
        (depth, ranges) = (depth + 1, inner)
        defer { (depth, ranges) = outer }
        guard depth < Self.deepest else { throw Self.failure("nested too deeply") }
        let (body, ending) = try nodes()
        guard let ending else { throw Self.failure("\(word) without an end") }
        guard ending.word == "else" || ending.rest.isEmpty else { throw Self.failure("words behind end") }
        return (body, ending)
    }

    private func call(_ tokens: ArraySlice<TemplateToken>) throws(CommandError) -> TemplateNode {
        guard case .literal(.string(let name))? = tokens.first?.kind else {
            throw Self.failure("the name of a template is not in quotation marks")
        }
        let rest = tokens.dropFirst()
        return .call(name, rest.isEmpty ? nil : try Self.pipeline(rest))
    }

    // MARK: Pipelines

    private static func pipeline(
        _ tokens: ArraySlice<TemplateToken>, inRange: Bool = false
    ) throws(CommandError) -> TemplateNode.Pipeline {
        var rest = tokens
        let pipeline = try TemplatePipelineParser.parse(&rest, inRange: inRange)
        guard rest.isEmpty else { throw failure("\")\" without \"(\"") }
        return pipeline
    }
}
