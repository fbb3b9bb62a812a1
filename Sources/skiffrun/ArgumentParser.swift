// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Options of one place on the command line, global or of a command.
struct OptionTable {
    /// What an option takes. A switch may be written `--tty=false`.
    enum Kind { case value, flag }

    private var names: [String: (name: String, kind: Kind)] = [:]

    /// Spellings of one option: `"bundle b"`. The first is its name.
    init(values: [String] = [], flags: [String] = []) {
        for spelling in values { add(spelling, .value) }
        for spelling in flags { add(spelling, .flag) }
    }

    private mutating func add(_ spellings: String, _ kind: Kind) {
        let all = spellings.split(separator: " ").map(String.init)
        for spelling in all { names[spelling] = (all[0], kind) }
    }

    fileprivate func lookUp(_ spelling: Substring) -> (name: String, kind: Kind)? { names[String(spelling)] }
}

/// A wrong command line.
struct UsageError: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// What was read: the values of each option in their order, and the words that are none.
struct ParsedArguments {
    private var values: [String: [String]] = [:]
    var words: [String] = []

    /// Reads `--name value`, `--name=value` and `-n value`, until `--`, the end, or `limit` words; the rest is left in
    /// `arguments`. Words that follow the last allowed one belong to a program in the container, dashes and all.
    init(_ arguments: inout ArraySlice<String>, _ table: OptionTable, wordsUpTo limit: Int) throws {
        while let argument = arguments.first {
            if argument == "--" {
                arguments.removeFirst()
                break
            }
            guard argument.hasPrefix("-"), argument != "-" else {
                if words.count == limit { break }
                words.append(arguments.removeFirst())
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
        let spelling = body[..<(equals ?? body.endIndex)]
        guard let (name, kind) = table.lookUp(spelling) else {
            throw UsageError("flag provided but not defined: \(argument)")
        }
        let attached = equals.map { String(body[body.index(after: $0)...]) }
        switch kind {
        case .flag: values[name, default: []].append(try Self.boolean(attached ?? "true", argument))
        case .value:
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
        default: throw UsageError("invalid boolean value in \(argument)")
        }
    }

    /// The last value of an option that may be given once.
    subscript(_ name: String) -> String? { values[name]?.last }

    /// All values of an option that may be repeated.
    func all(_ name: String) -> [String] { values[name] ?? [] }

    func has(_ flag: String) -> Bool { values[flag]?.last == "true" }

    /// A switch that was given at all.
    func given(_ flag: String) -> Bool? { values[flag]?.last.map { $0 == "true" } }

    func number(_ name: String) throws -> Int32? {
        guard let text = self[name] else { return nil }
        guard let number = Int32(text), number >= 0 else {
            throw UsageError("invalid value \"\(text)\" for flag --\(name)")
        }
        return number
    }
}
