// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Carries a template out.
struct TemplateRun {
    private(set) var text = ""
    private let definitions: [String: [TemplateNode]]
    private var variables: [(name: String, value: JSON)]
    /// Set while the body of a range is being left.
    private var leaving: TemplateNode.Leave?
    private var depth = 0
    private static let deepest = 50

    init(_ definitions: [String: [TemplateNode]], root: JSON) {
        self.definitions = definitions
        variables = [("", root)]
    }

    static func failure(_ cause: String) -> CommandError { CommandError("use template", nil, cause) }

    mutating func carryOut(_ nodes: [TemplateNode], dot: JSON) throws(CommandError) {
        let known = variables.count
        for node in nodes where leaving == nil { try carryOut(node, dot) }
        variables.removeSubrange(known...)
    }

    private mutating func carryOut(_ node: TemplateNode, _ dot: JSON) throws(CommandError) {
        switch node {
        case .text(let piece): text += piece
        case .value(let pipeline):
            let value = try evaluate(pipeline, dot)
            if pipeline.variables.isEmpty { text += value == .null ? "<no value>" : TemplateFunctions.shown(value) }
        case .leave(let how): leaving = how
        case .call(let name, let pipeline):
            try call(name, try pipeline.map { p throws(CommandError) in try evaluate(p, dot) } ?? .null)
        case .condition(let pipeline, let body, let otherwise):
            try scoped { (run) throws(CommandError) in
                let value = try run.evaluate(pipeline, dot)
                try run.carryOut(TemplateFunctions.isTrue(value) ? body : otherwise, dot: dot)
            }
        case .with(let pipeline, let body, let otherwise):
            try scoped { (run) throws(CommandError) in
                let value = try run.evaluate(pipeline, dot)
                let isTrue = TemplateFunctions.isTrue(value)
                try run.carryOut(isTrue ? body : otherwise, dot: isTrue ? value : dot)
            }
        case .range(let pipeline, let body, let otherwise):
            try scoped { (run) throws(CommandError) in try run.range(pipeline, body, otherwise, dot) }
        }
    }

    /// Variables of a block are forgotten at its end.
    private mutating func scoped(_ body: (inout TemplateRun) throws(CommandError) -> Void) throws(CommandError) {
        let known = variables.count
        try body(&self)
        variables.removeSubrange(known...)
    }

    /// A template that is called sees only what it is given.
    private mutating func call(_ name: String, _ dot: JSON) throws(CommandError) {
        guard let nodes = definitions[name] else { throw Self.failure("no template \"\(name)\"") }
        depth += 1
        defer { depth -= 1 }
        guard depth < Self.deepest else { throw Self.failure("template \"\(name)\" is called too deeply") }
        let outer = variables
        variables = [("", dot)]
        try carryOut(nodes, dot: dot)
        variables = outer
    }

    private mutating func range(
        _ pipeline: TemplateNode.Pipeline, _ body: [TemplateNode], _ otherwise: [TemplateNode], _ dot: JSON
    ) throws(CommandError) {
        let value = try evaluate(pipeline, dot, declares: false)
        let items = try Self.items(value)
        if items.isEmpty { return try carryOut(otherwise, dot: dot) }
        let known = variables.count
        for (key, item) in items {
            let names = pipeline.variables
            if let last = names.last { try set(last, item, pipeline.assigns) }
            if names.count == 2 { try set(names[0], key, pipeline.assigns) }
            try carryOut(body, dot: item)
            variables.removeSubrange(known...)
            let left = leaving
            leaving = nil
            if left == .break { return }
        }
    }

    /// Keys and values in order; members of an object by their names.
    private static func items(_ value: JSON) throws(CommandError) -> [(JSON, JSON)] {
        switch value {
        case .null: return []
        case .array(let elements): return elements.enumerated().map { (.number("\($0.offset)"), $0.element) }
        case .object(let members):
            return members.sorted { $0.key < $1.key }.map { (.string($0.key), $0.value) }
        case .number(let text):
            guard let count = Int(text), count <= 1_000_000 else { throw failure("range over \(text)") }
            return (0..<max(count, 0)).map { (.number("\($0)"), .number("\($0)")) }
        case .bool, .string: throw failure("range over \(TemplateFunctions.shown(value))")
        }
    }

    // MARK: Values

    private mutating func evaluate(
        _ pipeline: TemplateNode.Pipeline, _ dot: JSON, declares: Bool = true
    ) throws(CommandError) -> JSON {
        var result: JSON?
        for command in pipeline.commands { result = try evaluate(command, result, dot) }
        let value = result ?? .null
        if declares, let name = pipeline.variables.first { try set(name, value, pipeline.assigns) }
        return value
    }

    private mutating func evaluate(
        _ command: [TemplateNode.Term], _ previous: JSON?, _ dot: JSON
    ) throws(CommandError) -> JSON {
        guard case .function(let name)? = command.first else {
            return try value(command.first ?? .dot, dot)
        }
        // These two look at no more than they must.
        if name == "and" || name == "or" { return try choose(name, command.dropFirst(), previous, dot) }
        var arguments: [JSON] = []
        for term in command.dropFirst() { arguments.append(try value(term, dot)) }
        if let previous { arguments.append(previous) }
        return try TemplateFunctions.call(name, arguments)
    }

    private mutating func choose(
        _ name: String, _ terms: ArraySlice<TemplateNode.Term>, _ previous: JSON?, _ dot: JSON
    ) throws(CommandError) -> JSON {
        var last: JSON?
        for term in terms {
            let value = try value(term, dot)
            if TemplateFunctions.isTrue(value) == (name == "or") { return value }
            last = value
        }
        guard let result = previous ?? last else { throw Self.failure("\(name) without arguments") }
        return result
    }

    private mutating func value(_ term: TemplateNode.Term, _ dot: JSON) throws(CommandError) -> JSON {
        switch term {
        case .dot: return dot
        case .literal(let value): return value
        case .function(let name): return try TemplateFunctions.call(name, [])
        case .pipeline(let pipeline): return try evaluate(pipeline, dot)
        case .variable(let name):
            guard let variable = variables.last(where: { $0.name == name }) else {
                throw Self.failure("no variable $\(name)")
            }
            return variable.value
        case .field(let base, let name):
            let value = try value(base, dot)
            guard case .object = value else {
                throw Self.failure(
                    "no member \"\(name)\" in \(value == .null ? "nothing" : TemplateFunctions.shown(value))")
            }
            guard let member = value[name] else { throw Self.failure("no member \"\(name)\"") }
            return member
        }
    }

    private mutating func set(_ name: String, _ value: JSON, _ assigns: Bool) throws(CommandError) {
        guard assigns else { return variables.append((name, value)) }
        guard let index = variables.lastIndex(where: { $0.name == name }) else {
            throw Self.failure("no variable $\(name)")
        }
        variables[index].value = value
    }
}
