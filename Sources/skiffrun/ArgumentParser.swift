// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A wrong command line.
struct UsageError: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// What was read: the values of each option in their order, and the words that are none.
struct ParsedArguments {
    private var values: [String: [String]] = [:]
    private(set) var words: [String] = []

    /// Where options end. Dashes behind it belong to somebody else.
    enum End {
        /// At the word behind the last allowed one: it begins a program's command line.
        case afterWords
        /// At the last allowed word itself.
        case atLastWord
    }

    /// Nothing was given.
    init() {}

    /// Reads `--name value`, `--name=value` and `-n value`, until `--`, the end, or `limit` words; the rest is left in
    /// `arguments`.
    init(
        _ arguments: inout ArraySlice<String>, _ table: OptionTable, wordsUpTo limit: Int, end: End = .afterWords
    ) throws {
        while let argument = arguments.first {
            if argument == "--" {
                arguments.removeFirst()
                break
            }
            guard argument.hasPrefix("-"), argument != "-" else {
                if words.count == limit { break }
                words.append(arguments.removeFirst())
                if words.count == limit, end == .atLastWord { break }
                continue
            }
            arguments.removeFirst()
            try read(argument, &arguments, table)
        }
        while words.count < limit, let word = arguments.popFirst() { words.append(word) }
    }

    private mutating func read(
        _ argument: String, _ arguments: inout ArraySlice<String>, _ table: OptionTable
    ) throws {
        let body = argument.drop { $0 == "-" }
        let equals = body.firstIndex(of: "=")
        guard let option = table.lookUp(body[..<(equals ?? body.endIndex)]), let name = option.names.first else {
            throw UsageError("flag provided but not defined: \(argument)")
        }
        let attached = equals.map { String(body[body.index(after: $0)...]) }
        if option.value == nil {
            values[name, default: []].append(try Self.boolean(attached ?? "true", argument))
        } else {
            guard let value = attached ?? arguments.popFirst() else {
                throw UsageError("flag needs an argument: \(argument)")
            }
            values[name, default: []].append(value)
        }
    }

    private static func boolean(_ text: String, _ argument: String) throws -> String {
        switch text.lowercased() {
        case "true", "1", "t": return "true"
        case "false", "0", "f": return "false"
        default: throw UsageError("invalid boolean value \"\(text)\" in \(argument)")
        }
    }

    /// What was read before, with what was read later on top of it; the words are the later ones.
    func adding(_ later: ParsedArguments) -> ParsedArguments {
        var both = later
        both.values = values.merging(later.values) { $0 + $1 }
        return both
    }

    /// The last value of an option that may be given once.
    subscript(_ name: String) -> String? { values[name]?.last }

    /// All values of an option that may be repeated.
    func all(_ name: String) -> [String] { values[name] ?? [] }

    /// A switch that is on.
    func has(_ flag: String) -> Bool { values[flag]?.last == "true" }

    /// A switch that was given at all.
    func given(_ flag: String) -> Bool? { values[flag]?.last.map { $0 == "true" } }

    /// A number from 0 up.
    func number(_ name: String) throws -> Int32? {
        guard let text = self[name] else { return nil }
        guard let number = Int32(text), number >= 0 else {
            throw UsageError("invalid value \"\(text)\" for flag --\(name): a number from 0 up is expected")
        }
        return number
    }

    /// One of the given words.
    func choice(_ name: String, _ choices: [String]) throws -> String? {
        guard let text = self[name] else { return nil }
        guard choices.contains(text) else {
            throw UsageError("invalid \(name) option \"\(text)\": \(choices.joined(separator: " or ")) is expected")
        }
        return text
    }

    /// A path, seen from the working directory. An empty one counts as not given.
    func path(_ name: String) throws -> String? {
        guard let path = self[name], !path.isEmpty else { return nil }
        return try absolutePath(path)
    }
}
