// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A JSON text (RFC 8259), checked, with an index of its values. Strings and numbers are read when they are asked for.
package final class JSONDocument {
    /// A value of the text, or the name of an object's member, which stands before the member's value.
    struct Node {
        enum Kind: UInt8 {
            case object, array, string, number, yes, no, null

            /// What errors call it.
            var name: String {
                switch self {
                case .object: "an object"
                case .array: "an array"
                case .string: "a string"
                case .number: "a number"
                case .yes, .no: "a boolean"
                case .null: "null"
                }
            }
        }

        var kind: Kind
        /// A string with escape sequences, which have to be replaced.
        var hasEscapes = false
        /// The bytes of the text, a string's without its quotation marks.
        var start: Int32
        var end: Int32
        /// The node behind this one and all that is inside of it.
        var next: Int32 = 0
    }

    let bytes: [UInt8]
    private let nodes: [Node]

    /// Reads the whole text, of at most 2 GiB.
    package init(_ bytes: [UInt8]) throws(JSONError) {
        var scanner = JSONScanner(bytes)
        try scanner.scan()
        self.bytes = bytes
        nodes = scanner.nodes
    }

    /// The value of the text.
    package func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try JSONReader(document: self, node: 0).value(type)
    }

    func kind(_ node: Int) -> Node.Kind { nodes[node].kind }
    func next(_ node: Int) -> Int { Int(nodes[node].next) }

    /// The nodes of an array's elements, or of an object's names and values in turn.
    func children(of node: Int) -> Children { Children(document: self, at: node + 1, end: next(node)) }

    struct Children: Sequence, IteratorProtocol {
        let document: JSONDocument
        var at: Int
        let end: Int

        mutating func next() -> Int? {
            guard at < end else { return nil }
            defer { at = document.next(at) }
            return at
        }
    }

    /// The value of an object's member. Of members with one name the last counts, as in most readers.
    func member(_ name: String, of object: Int) -> Int? {
        var found: Int?
        var at = object + 1
        let end = next(object)
        while at < end {
            if isString(at, name) { found = at + 1 }
            at = next(at + 1)
        }
        return found
    }

    private func isString(_ node: Int, _ name: String) -> Bool {
        let node = nodes[node]
        if node.hasEscapes { return string(node) == name }
        guard Int(node.end - node.start) == name.utf8.count else { return false }
        return bytes[Int(node.start)..<Int(node.end)].elementsEqual(name.utf8)
    }

    /// The text of a string; the scanner has checked that it is one.
    func string(_ node: Int) -> String { string(nodes[node]) }

    private func string(_ node: Node) -> String {
        let text = bytes[Int(node.start)..<Int(node.end)]
        if node.hasEscapes { return String(decoding: JSONScanner.unescaped(text), as: UTF8.self) }
        return String(decoding: text, as: UTF8.self)
    }

    /// The digits of a number.
    func digits(_ node: Int) -> ArraySlice<UInt8> { bytes[Int(nodes[node].start)..<Int(nodes[node].end)] }

    /// Where the value is, for errors: the names and indices that lead to it.
    func path(to target: Int) -> String {
        var path = ""
        var parent = 0
        while parent != target {
            var index = 0
            var child: Int?
            for node in children(of: parent) where node <= target && target < next(node) {
                child = node
                break
            }
            switch kind(parent) {
            case .array:
                guard let child else { return path }
                for node in children(of: parent) where node < child { index += 1 }
                path += "[\(index)]"
            default:
                // The name itself is no place; its value is.
                guard let child, child > parent + 1 else { return path }
                var name = parent + 1
                while next(name) != child { name = next(name) }
                path += (path.isEmpty ? "" : ".") + string(name)
            }
            parent = child ?? target
        }
        return path
    }

    func error(_ message: String, at node: Int, member: String? = nil) -> JSONError {
        let path = path(to: node)
        let full = member.map { path.isEmpty ? $0 : "\(path).\($0)" } ?? path
        return JSONError(.value, message, path: full, in: bytes, at: Int(nodes[node].start))
    }
}
