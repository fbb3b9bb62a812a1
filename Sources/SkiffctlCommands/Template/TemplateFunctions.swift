// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// The functions of templates: those of Go's package text/template that documents have a use for, and crictl's `json`,
/// `title`, `lower` and `upper`.
enum TemplateFunctions {
    static let names: Set<String> = [
        "and", "or", "not", "len", "index", "slice", "print", "println", "printf", "eq", "ne", "lt", "le", "gt", "ge",
        "json", "title", "lower", "upper",
    ]

    private static func failure(_ cause: String) -> CommandError { TemplateRun.failure(cause) }

    static func call(_ name: String, _ arguments: [JSON]) throws(CommandError) -> JSON {
        switch name {
        case "print", "println":
            return .string(name == "println" ? arguments.map(shown).joined(separator: " ") + "\n" : printed(arguments))
        case "printf": return .string(try TemplateFormat.text(arguments))
        case "eq", "ne", "lt", "le", "gt", "ge": return .bool(try compare(name, arguments))
        case "index": return try index(arguments)
        case "slice": return try slice(arguments)
        default: return try transform(name, try only(name, arguments))
        }
    }

    /// With a space between two of which neither is text.
    private static func printed(_ arguments: [JSON]) -> String {
        var text = ""
        var follows = false
        for argument in arguments {
            let isText = if case .string = argument { true } else { false }
            text += (follows && !isText ? " " : "") + shown(argument)
            follows = !isText
        }
        return text
    }

    private static func only(_ name: String, _ arguments: [JSON]) throws(CommandError) -> JSON {
        guard arguments.count == 1 else { throw failure("\(name) takes one argument, not \(arguments.count)") }
        return arguments[0]
    }

    private static func transform(_ name: String, _ value: JSON) throws(CommandError) -> JSON {
        switch name {
        case "not": return .bool(!isTrue(value))
        case "json": return .string(value.line)
        case "len":
            switch value {
            case .string(let text): return .number("\(text.utf8.count)")
            case .array(let elements): return .number("\(elements.count)")
            case .object(let members): return .number("\(members.count)")
            default: throw failure("len of \(shown(value))")
            }
        case "lower": return .string(try word(name, value).lowercased())
        case "upper": return .string(try word(name, value).uppercased())
        case "title": return .string(capitalized(try word(name, value)))
        default: throw failure("no function \"\(name)\"")
        }
    }

    private static func word(_ name: String, _ value: JSON) throws(CommandError) -> String {
        guard case .string(let text) = value else { throw failure("\(name) of what is no text: \(shown(value))") }
        return text
    }

    private static func capitalized(_ text: String) -> String {
        var isInside = false
        var result = ""
        for character in text {
            result += isInside ? String(character) : character.uppercased()
            isInside = character.isLetter || character.isNumber || character == "'"
        }
        return result
    }

    /// What is empty, zero or nothing is not true.
    static func isTrue(_ value: JSON) -> Bool {
        switch value {
        case .null: false
        case .bool(let flag): flag
        case .number(let text): Double(text) != 0
        case .string(let text): !text.isEmpty
        case .array(let elements): !elements.isEmpty
        case .object(let members): !members.isEmpty
        }
    }

    /// As Go prints it: `[a b]`, `map[key:value]`.
    static func shown(_ value: JSON) -> String {
        switch value {
        case .null: "<nil>"
        case .bool(let flag): flag ? "true" : "false"
        case .number(let text), .string(let text): text
        case .array(let elements): "[" + elements.map(shown).joined(separator: " ") + "]"
        case .object(let members):
            "map["
                + members.sorted { $0.key < $1.key }.map { "\($0.key):\(shown($0.value))" }.joined(separator: " ") + "]"
        }
    }

    // MARK: Parts

    private static func index(_ arguments: [JSON]) throws(CommandError) -> JSON {
        guard var value = arguments.first else { throw failure("index without arguments") }
        for key in arguments.dropFirst() {
            switch (value, key) {
            case (.array(let elements), .number(let text)):
                guard let position = Int(text), elements.indices.contains(position) else {
                    throw failure("index \(text) of \(elements.count) elements")
                }
                value = elements[position]
            // As in Go, a name that is not there gives nothing.
            case (.object, .string(let name)): value = value[name] ?? .null
            default: throw failure("index \(shown(key)) of \(shown(value))")
            }
        }
        return value
    }

    private static func slice(_ arguments: [JSON]) throws(CommandError) -> JSON {
        var bounds: [Int] = []
        for argument in arguments.dropFirst() {
            guard case .number(let text) = argument, let bound = Int(text) else {
                throw failure("slice from \(shown(argument))")
            }
            bounds.append(bound)
        }
        func range(_ count: Int) throws(CommandError) -> Range<Int> {
            let (low, high) = (bounds.first ?? 0, bounds.count > 1 ? bounds[1] : count)
            guard bounds.count <= 2, 0 <= low, low <= high, high <= count else {
                throw failure("slice \(bounds.map(String.init).joined(separator: " ")) of \(count)")
            }
            return low..<high
        }
        switch arguments.first {
        case .string(let text)?:
            let bytes = Array(text.utf8)
            return .string(String(decoding: bytes[try range(bytes.count)], as: UTF8.self))
        case .array(let elements)?: return .array(Array(elements[try range(elements.count)]))
        default: throw failure("slice of what has no parts")
        }
    }

    // MARK: Comparisons

    /// `eq` may have more than two arguments: whether the first is one of the others.
    private static func compare(_ name: String, _ arguments: [JSON]) throws(CommandError) -> Bool {
        guard arguments.count == 2 || (name == "eq" && arguments.count > 2) else {
            throw failure("\(name) takes two arguments, not \(arguments.count)")
        }
        let (left, right) = (arguments[0], arguments[1])
        switch name {
        case "eq": return arguments.dropFirst().contains { isEqual(left, $0) }
        case "ne": return !isEqual(left, right)
        case "lt": return try isLess(left, right)
        case "le": return try !isLess(right, left)
        case "gt": return try isLess(right, left)
        default: return try !isLess(left, right)
        }
    }

    private static func isEqual(_ left: JSON, _ right: JSON) -> Bool {
        switch (left, right) {
        case (.number(let one), .number(let other)): one == other || Double(one) == Double(other)
        // To crictl numbers of documents are text.
        case (.number(let one), .string(let other)), (.string(let one), .number(let other)): one == other
        default: left == right
        }
    }

    private static func isLess(_ left: JSON, _ right: JSON) throws(CommandError) -> Bool {
        switch (left, right) {
        case (.number(let one), .number(let other)):
            if let one = Int64(one), let other = Int64(other) { return one < other }
            return (Double(one) ?? 0) < (Double(other) ?? 0)
        case (.string(let one), .string(let other)): return one < other
        default: throw failure("\(shown(left)) and \(shown(right)) have no order")
        }
    }
}
