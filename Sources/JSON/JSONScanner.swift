// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Checks a text against the grammar of RFC 8259 and notes where its values are.
struct JSONScanner {
    let bytes: [UInt8]
    var at = 0
    private(set) var nodes: [JSONDocument.Node] = []
    /// Deeper texts are refused before the stack ends.
    private static let maximalDepth = 256

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        nodes.reserveCapacity(bytes.count / 12)
    }

    mutating func scan() throws(JSONError) {
        guard bytes.count < Int32.max else { throw syntax("text of more than 2 GiB") }
        try value(depth: 0)
        skipSpace()
        if at < bytes.count { throw syntax("text behind the value") }
    }

    func syntax(_ message: String) -> JSONError { JSONError(.syntax, message, in: bytes, at: at) }

    var byte: UInt8? { at < bytes.count ? bytes[at] : nil }

    private mutating func skipSpace() {
        while at < bytes.count, bytes[at] <= 0x20, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[at]) { at += 1 }
    }

    private mutating func value(depth: Int) throws(JSONError) {
        skipSpace()
        switch byte {
        case UInt8(ascii: "{"): try members(depth: depth)
        case UInt8(ascii: "["): try elements(depth: depth)
        case UInt8(ascii: "\""): try string()
        case .some(UInt8(ascii: "-")), .some(UInt8(ascii: "0")...UInt8(ascii: "9")): try number()
        case UInt8(ascii: "t"): try word("true", .yes)
        case UInt8(ascii: "f"): try word("false", .no)
        case UInt8(ascii: "n"): try word("null", .null)
        case nil: throw syntax("unexpected end")
        default: throw syntax("unexpected character")
        }
    }

    private mutating func begin(_ kind: JSONDocument.Node.Kind) -> Int {
        nodes.append(JSONDocument.Node(kind: kind, start: Int32(at), end: 0))
        return nodes.count - 1
    }

    private mutating func end(_ node: Int) {
        nodes[node].end = Int32(at)
        nodes[node].next = Int32(nodes.count)
    }

    private mutating func members(depth: Int) throws(JSONError) {
        let node = try enter(.object, depth)
        skipSpace()
        var isFirst = true
        while byte != UInt8(ascii: "}") {
            if !isFirst { try expect(UInt8(ascii: ","), "a comma or the end of the object") }
            isFirst = false
            skipSpace()
            guard byte == UInt8(ascii: "\"") else { throw syntax("the name of a member is expected") }
            try string()
            skipSpace()
            try expect(UInt8(ascii: ":"), "a colon")
            try value(depth: depth + 1)
            skipSpace()
        }
        at += 1
        end(node)
    }

    private mutating func elements(depth: Int) throws(JSONError) {
        let node = try enter(.array, depth)
        skipSpace()
        var isFirst = true
        while byte != UInt8(ascii: "]") {
            if !isFirst { try expect(UInt8(ascii: ","), "a comma or the end of the array") }
            isFirst = false
            try value(depth: depth + 1)
            skipSpace()
        }
        at += 1
        end(node)
    }

    private mutating func enter(_ kind: JSONDocument.Node.Kind, _ depth: Int) throws(JSONError) -> Int {
        guard depth < Self.maximalDepth else { throw syntax("more than \(Self.maximalDepth) levels") }
        let node = begin(kind)
        at += 1
        return node
    }

    private mutating func expect(_ expected: UInt8, _ name: String) throws(JSONError) {
        guard let byte else { throw syntax("unexpected end") }
        guard byte == expected else { throw syntax("\(name) is expected") }
        at += 1
    }

    private mutating func word(_ word: StaticString, _ kind: JSONDocument.Node.Kind) throws(JSONError) {
        let node = begin(kind)
        for letter in "\(word)".utf8 {
            guard byte == letter else { throw syntax("unexpected character") }
            at += 1
        }
        end(node)
    }

    private mutating func number() throws(JSONError) {
        let node = begin(.number)
        if byte == UInt8(ascii: "-") { at += 1 }
        if byte == UInt8(ascii: "0") { at += 1 } else { try digits() }
        if byte == UInt8(ascii: ".") {
            at += 1
            try digits()
        }
        if byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
            at += 1
            if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") { at += 1 }
            try digits()
        }
        end(node)
    }

    private mutating func digits() throws(JSONError) {
        let start = at
        while let byte, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { at += 1 }
        if at == start { throw syntax("a digit is expected") }
    }

    private mutating func string() throws(JSONError) {
        at += 1
        let node = begin(.string)
        var isASCII = true
        while let byte, byte != UInt8(ascii: "\"") {
            guard byte >= 0x20 else { throw syntax("control character in a string") }
            if byte == UInt8(ascii: "\\") {
                nodes[node].hasEscapes = true
                try escape()
            } else {
                isASCII = isASCII && byte < 0x80
                at += 1
            }
        }
        guard at < bytes.count else { throw syntax("string without an end") }
        end(node)
        let text = bytes[Int(nodes[node].start)..<at]
        if !isASCII, String(validating: text, as: UTF8.self) == nil { throw syntax("string is not UTF-8") }
        at += 1
    }
}
