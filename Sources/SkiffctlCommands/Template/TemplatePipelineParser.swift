// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Reads what is computed inside the braces of a template.
enum TemplatePipelineParser {
    private static func failure(_ cause: String) -> CommandError { CommandError("read template", nil, cause) }

    /// Takes the tokens up to a closing parenthesis that belongs to somebody else.
    static func parse(
        _ tokens: inout ArraySlice<TemplateToken>, inRange: Bool = false
    ) throws(CommandError) -> TemplateNode.Pipeline {
        var pipeline = declaration(&tokens, inRange: inRange)
        while true {
            pipeline.commands.append(try command(&tokens))
            guard tokens.first?.kind == .mark("|") else { break }
            tokens.removeFirst()
        }
        for command in pipeline.commands.dropFirst() {
            guard case .function? = command.first else { throw failure("what stands behind \"|\" is no function") }
        }
        return pipeline
    }

    /// `$x :=`, `$x =` or `$i, $x :=`.
    private static func declaration(
        _ tokens: inout ArraySlice<TemplateToken>, inRange: Bool
    ) -> TemplateNode.Pipeline {
        var rest = tokens
        var names: [String] = []
        while case .variable(let name)? = rest.first?.kind {
            names.append(name)
            rest = rest.dropFirst()
            guard inRange, names.count < 2, rest.first?.kind == .mark(",") else { break }
            rest = rest.dropFirst()
        }
        guard !names.isEmpty, case .mark(let mark)? = rest.first?.kind, mark == ":=" || mark == "=" else {
            return TemplateNode.Pipeline(commands: [])
        }
        tokens = rest.dropFirst()
        return TemplateNode.Pipeline(variables: names, assigns: mark == "=", commands: [])
    }

    private static func command(_ tokens: inout ArraySlice<TemplateToken>) throws(CommandError) -> [TemplateNode.Term] {
        var terms: [TemplateNode.Term] = []
        while let token = tokens.first, token.kind != .mark("|"), token.kind != .mark(")") {
            tokens.removeFirst()
            if token.isJoined, case .field(let name) = token.kind, let last = terms.last, !name.isEmpty {
                terms[terms.count - 1] = .field(last, name)
            } else {
                terms.append(try term(token, &tokens))
            }
        }
        guard let first = terms.first else { throw failure("a value is missing") }
        if terms.count > 1 {
            guard case .function = first else { throw failure("arguments behind what is no function") }
        }
        return terms
    }

    private static func term(
        _ token: TemplateToken, _ tokens: inout ArraySlice<TemplateToken>
    ) throws(CommandError) -> TemplateNode.Term {
        switch token.kind {
        case .word("true"): return .literal(.bool(true))
        case .word("false"): return .literal(.bool(false))
        case .word("nil"): return .literal(.null)
        case .word(let name):
            guard TemplateFunctions.names.contains(name) else {
                let known = TemplateFunctions.names.sorted().joined(separator: " ")
                throw failure("no function \"\(name)\"; there are \(known)")
            }
            return .function(name)
        case .field(let name): return name.isEmpty ? .dot : .field(.dot, name)
        case .variable(let name): return .variable(name)
        case .literal(let value): return .literal(value)
        case .mark("("):
            let inner = try parse(&tokens)
            guard tokens.popFirst()?.kind == .mark(")") else { throw failure("\"(\" is not closed") }
            return .pipeline(inner)
        case .mark(let mark): throw failure("\"\(mark)\" is out of place")
        }
    }
}
