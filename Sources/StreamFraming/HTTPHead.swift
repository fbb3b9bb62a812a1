// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// The head of an HTTP/1.1 message: its first line and its fields. See RFC 9112, sections 2 to 5.
///
/// Only what an upgrade needs: no body is read, and nothing is lenient, because nobody but programs speaks here.
package struct HTTPHead: Hashable, Sendable {
    /// `GET /a HTTP/1.1` as three words, or `HTTP/1.1 101 Switching Protocols`: the last has the rest of the line.
    package var line: [String]
    /// In the order of the message; names as they were written.
    package var fields: [Field]

    /// One field line.
    package struct Field: Hashable, Sendable {
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    package init(line: [String], fields: [Field] = []) {
        self.line = line
        self.fields = fields
    }

    /// The longest head in bytes that is read.
    package static let limit = 16_384

    /// All values of the fields of that name, each list taken apart at its commas.
    package func values(_ name: String) -> [String] {
        fields.filter { $0.name.lowercased() == name.lowercased() }
            .flatMap { $0.value.split(separator: ",") }
            .map { Self.trimmed($0) }
            .filter { !$0.isEmpty }
    }

    /// Whether a field of that name has the value, in whatever case.
    package func has(_ name: String, _ value: String) -> Bool {
        values(name).contains { $0.lowercased() == value.lowercased() }
    }

    /// The message's bytes, with the empty line.
    package var bytes: [UInt8] {
        let lines = [line.joined(separator: " ")] + fields.map { "\($0.name): \($0.value)" }
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    }

    private static func trimmed(_ text: Substring) -> String {
        let blank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        var rest = text.drop(while: blank)
        while let last = rest.last, blank(last) { rest.removeLast() }
        return String(rest)
    }

    fileprivate init(parsing bytes: ArraySlice<UInt8>) throws(WireError) {
        var lines = try Self.lines(bytes)
        let words = lines.removeFirst().split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count == 3, !words.contains("") else { throw WireError("HTTP head", "its first line is malformed") }
        line = words.map(String.init)
        fields = try lines.map { (line) throws(WireError) in
            guard let colon = line.firstIndex(of: ":"), line.startIndex < colon,
                !line[..<colon].contains(where: { $0 == " " || $0 == "\t" })
            else { throw WireError("HTTP head", "a field line is malformed") }
            return Field(String(line[..<colon]), Self.trimmed(line[line.index(after: colon)...]))
        }
    }

    /// The lines between the CRLFs; no other control character may stand in them.
    private static func lines(_ bytes: ArraySlice<UInt8>) throws(WireError) -> [String] {
        var lines: [String] = []
        var rest = bytes
        while let end = rest.firstIndex(of: 13) {
            let line = rest[..<end]
            guard rest.dropFirst(end - rest.startIndex + 1).first == 10,
                line.allSatisfy({ $0 >= 32 && $0 != 127 || $0 == 9 })
            else { throw WireError("HTTP head", "it has a control character") }
            lines.append(String(decoding: line, as: UTF8.self))
            rest = rest[(end + 2)...]
        }
        guard rest.isEmpty, !lines.isEmpty else { throw WireError("HTTP head", "it has a control character") }
        return lines
    }
}

/// Takes the head of one message out of a stream of bytes.
package struct HTTPHeadReader: Sendable {
    private var bytes: [UInt8] = []

    package init() {}

    /// The head once its empty line has come; `rest` is what came behind it.
    package mutating func read(_ more: [UInt8]) throws(WireError) -> (head: HTTPHead, rest: [UInt8])? {
        let from = max(0, bytes.count - 3)
        bytes += more
        guard let end = Self.end(of: bytes, from: from) else {
            guard bytes.count <= HTTPHead.limit else {
                throw WireError("HTTP head", "it is longer than \(HTTPHead.limit) bytes")
            }
            return nil
        }
        guard end <= HTTPHead.limit else { throw WireError("HTTP head", "it is longer than \(HTTPHead.limit) bytes") }
        return (try HTTPHead(parsing: bytes[..<(end - 2)]), Array(bytes[end...]))
    }

    /// Behind the first CRLF CRLF.
    private static func end(of bytes: [UInt8], from start: Int) -> Int? {
        var index = start
        while index + 4 <= bytes.count {
            if bytes[index] == 13, bytes[index + 1] == 10, bytes[index + 2] == 13, bytes[index + 3] == 10 {
                return index + 4
            }
            index += 1
        }
        return nil
    }
}
