// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Yams

/// YAML to and from the model of JSON.
enum YAML {
    private static let nulls: Set<String> = ["", "~", "null", "Null", "NULL"]

    /// Throws Yams' errors, which tell line and column, and `CommandError`s.
    static func parse(_ text: String) throws -> JSON {
        guard let node = try Yams.compose(yaml: text) else { return .null }
        return try value(node)
    }

    static func text(_ json: JSON) throws -> String { try Yams.serialize(node: node(json), width: -1) }

    private static func value(_ node: Node) throws -> JSON {
        switch node {
        case .scalar(let scalar):
            // Yams reads quoted words as other types too.
            guard scalar.style == .plain else { return .string(scalar.string) }
            if nulls.contains(scalar.string) { return .null }
            if let flag = node.bool { return .bool(flag) }
            if let number = node.int { return .number(String(number)) }
            return node.float == nil ? .string(scalar.string) : .number(scalar.string)
        case .sequence(let sequence): return .array(try sequence.map(value))
        case .mapping(let mapping):
            return .object(
                try mapping.map { key, element in
                    guard let name = key.scalar?.string else {
                        throw CommandError("read", "YAML", "a key is not a word")
                    }
                    return JSON.Member(key: name, value: try value(element))
                })
        case .alias: throw CommandError("read", "YAML", "aliases are not supported")
        }
    }

    private static func node(_ json: JSON) -> Node {
        switch json {
        case .null: Node("null", Tag(.null))
        case .bool(let flag): Node(flag ? "true" : "false", Tag(.bool))
        case .number(let text): Node(text, Tag(text.contains(where: { ".eE".contains($0) }) ? .float : .int))
        case .string(let text): string(text)
        case .array(let elements): Node(elements.map(node), Tag(.seq))
        case .object(let members): Node(members.map { (string($0.key), node($0.value)) }, Tag(.map))
        }
    }

    /// Text that would read as something else is quoted.
    private static func string(_ text: String) -> Node {
        let plain = Node(text)
        let ambiguous = nulls.contains(text) || plain.bool != nil || plain.int != nil || plain.float != nil
        return Node(text, Tag(.str), ambiguous ? .doubleQuoted : .any)
    }
}
