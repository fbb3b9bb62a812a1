// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import TOMLKit

/// One parsed file: its values, and the lines where they stand.
package struct TOMLDocument: Sendable {
    /// Its values by their keys.
    package let values: [String: TOMLNode]
    private let lines: [String: Int]

    /// Parses `text`.
    package init(text: String) throws(TOMLError) {
        // The library reads a C string: it would silently stop here.
        if let nul = text.utf8.firstIndex(of: 0) {
            let line = text.utf8[..<nul].count { $0 == UInt8(ascii: "\n") } + 1
            throw TOMLError(line: line, cause: "NUL byte")
        }
        do {
            values = Self.convert(try TOMLTable(string: text))
        } catch let error as TOMLParseError {
            throw TOMLError(line: error.source.begin.line, cause: error.description)
        } catch {
            throw TOMLError(line: nil, cause: "\(error)")
        }
        lines = Self.lines(of: text)
    }

    /// The line of `key`, or of the nearest table around it; nil when it is not known.
    package func line(of key: String) -> Int? {
        var path = key.split(separator: ".")
        while !path.isEmpty {
            if let line = lines[path.joined(separator: ".")] { return line }
            path.removeLast()
        }
        return nil
    }

    private static func convert(_ table: TOMLTable) -> [String: TOMLNode] {
        var result: [String: TOMLNode] = [:]
        for key in table.keys {
            result[key] = table[key].map { convert($0.tomlValue) }
        }
        return result
    }

    private static func convert(_ value: TOMLValue) -> TOMLNode {
        if let text = value.string { return .string(text) }
        if let number = value.int { return .integer(number) }
        if let flag = value.bool { return .boolean(flag) }
        if let array = value.array { return .array(array.map { convert($0.tomlValue) }) }
        if let table = value.table { return .table(convert(table)) }
        return .other(value.type.description)
    }

    /// The line of each key. The library keeps no positions, so this reads headers and keys once more; it is only asked
    /// about documents that the library has accepted, and a key that it misses only costs the number in a message.
    private static func lines(of text: String) -> [String: Int] {
        var found: [String: Int] = [:]
        var header = ""
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = line.drop { $0 == " " || $0 == "\t" }
            var key: String
            if line.first == "[" {
                header = plainKey(line.drop { $0 == "[" }.prefix { $0 != "]" })
                key = header
            } else if let equals = line.firstIndex(of: "="), line.first != "#" {
                key = plainKey(line[..<equals])
                if !header.isEmpty { key = header + "." + key }
            } else {
                continue
            }
            if found[key] == nil { found[key] = index + 1 }
        }
        return found
    }

    private static func plainKey(_ text: Substring) -> String {
        String(text.filter { !" \t\"'".contains($0) })
    }
}
